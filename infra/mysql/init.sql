-- Database and accounts; run once, by compose.yaml (MySQL) and by the embedded stack (MariaDB).
-- `consumer` may do nothing yet: `rtpipe infra create` grants what each table needs.
-- Default passwords belong to these two local stacks only.
CREATE DATABASE IF NOT EXISTS bank CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS 'infra'@'%' IDENTIFIED BY 'infra1!';
GRANT CREATE, ALTER, INDEX, SELECT ON bank.* TO 'infra'@'%';
GRANT CREATE, INSERT, UPDATE ON bank.rtpipe_table_changes TO 'infra'@'%';
CREATE USER IF NOT EXISTS 'consumer'@'%' IDENTIFIED BY 'consumer1!';
