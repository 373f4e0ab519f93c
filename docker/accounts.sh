# Read by MariaDB's image when it first makes the database, after the account that owns the schema.
# The site itself serves with these four rights: it cannot empty a table of records, nor drop the
# triggers that keep them.
# shellcheck shell=bash
site_password=$(docker_sql_escape_string_literal "$(</run/secrets/site_password)")
docker_process_sql <<SQL
CREATE USER site@'%' IDENTIFIED BY '$site_password';
GRANT SELECT, INSERT, UPDATE, DELETE ON quality.* TO site@'%';
SQL
unset site_password
