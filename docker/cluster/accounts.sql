-- With what HAProxy looks whether a node takes part: it may do nothing else. So few at once that a
-- stranger cannot take all places with it.
CREATE USER 'haproxy_check'@'%' WITH MAX_USER_CONNECTIONS 20;
