-- What the database's administrator grants beside the application's own schema. The image of
-- MariaDB runs this at its first start (/docker-entrypoint-initdb.d/), after it has made the
-- account; run it by hand on a server that is there already.

-- Each backup is tested by restoring it into this schema, which is made for that, and dropped.
GRANT ALL PRIVILEGES ON `quality\_restored`.* TO 'quality'@'%';
