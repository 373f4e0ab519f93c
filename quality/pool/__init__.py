"""The ENGINE `quality.pool`: MySQL and MariaDB connections for Django, lent from a pool.

Nothing here knows models, apps or this project: the folder works in any Django project.
"""
