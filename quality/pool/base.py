from django.db.backends.mysql import base as mysql


class DatabaseWrapper(mysql.DatabaseWrapper):
    def get_connection_params(self):
        p = super().get_connection_params()
        p.pop("pool", None)
        return p

    def close_pool(self):
        self.close()
