"""What a connection costs: with stock Django, django-db-connection-pool and quality.pool."""
