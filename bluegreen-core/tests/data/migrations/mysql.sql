-- Cases of MySQL and MariaDB.

-- # safe, mysql: a new table
CREATE TABLE `orders` (
  `id` bigint unsigned NOT NULL AUTO_INCREMENT,
  `state` enum('new','paid') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL DEFAULT 'new' COMMENT 'it''s',
  `at` timestamp(6) NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  `total` decimal(10,2) GENERATED ALWAYS AS (`a` + `b`) STORED,
  PRIMARY KEY (`id`),
  UNIQUE KEY `one` (`state`,`at`) USING BTREE,
  KEY `at` (`at` DESC),
  FULLTEXT KEY `ft` (`note`) WITH PARSER ngram,
  CONSTRAINT `fk` FOREIGN KEY (`id`) REFERENCES `customers` (`id`) ON DELETE CASCADE,
  CONSTRAINT `ck` CHECK (`a` > 0) NOT ENFORCED
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci ROW_FORMAT=DYNAMIC COMMENT='orders' PARTITION BY RANGE (`id`) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE);
ALTER TABLE `orders` ADD UNIQUE INDEX `u` (`at`), MODIFY `note` text NOT NULL;

-- # safe, mysql: columns and indexes
ALTER TABLE `orders` ADD COLUMN `region` varchar(10) NULL DEFAULT NULL AFTER `state`, ADD INDEX `region` (`region`(5)), ALGORITHM=INPLACE, LOCK=NONE;
CREATE INDEX `b` ON `orders` (`state`, `at`) ALGORITHM = INPLACE LOCK = NONE;
ALTER TABLE orders DROP INDEX old_one, ALTER INDEX b INVISIBLE, RENAME INDEX a TO c;
DROP INDEX c ON orders;

-- # safe, mysql 5.7: a column, which builds the table anew while others work
ALTER TABLE orders ADD COLUMN region varchar(10);

-- # unsafe, mysql: a column that is required
ALTER TABLE orders ADD region varchar(10) NOT NULL;

-- # safe, mysql: a required column with a default
ALTER TABLE orders ADD region varchar(10) NOT NULL DEFAULT 'eu';

-- # safe, mysql: counted or made columns are no part of an INSERT
ALTER TABLE orders ADD COLUMN total int GENERATED ALWAYS AS (a + b) VIRTUAL NOT NULL;

-- # unsafe, mysql: a column is dropped
ALTER TABLE orders DROP note;

-- # unsafe, mysql: renamed
ALTER TABLE orders RENAME COLUMN note TO remark;

-- # unsafe, mysql: renamed by CHANGE
ALTER TABLE orders CHANGE `note` `remark` varchar(20);

-- # unsafe, mysql: renamed as a table
RENAME TABLE orders TO purchases, lines TO rows_of;

-- # unsafe, mysql: renamed by ALTER
ALTER TABLE orders RENAME purchases;

-- # safe, mysql: a longer varchar within one byte of length
-- given: CREATE TABLE orders (note varchar(20) NOT NULL)
ALTER TABLE orders MODIFY note varchar(60) NOT NULL;

-- # unsafe, mysql: a longer varchar that needs two
-- given: CREATE TABLE orders (note varchar(20) NOT NULL)
ALTER TABLE orders MODIFY note varchar(255) NOT NULL;

-- # safe, mysql: in a character set of one byte it needs one
-- given: CREATE TABLE orders (note varchar(20) NOT NULL) CHARACTER SET latin1
ALTER TABLE orders MODIFY note varchar(255) NOT NULL;

-- # safe, mariadb: there the length is no matter
-- given: CREATE TABLE orders (note varchar(20) NOT NULL)
ALTER TABLE orders MODIFY COLUMN note varchar(255) NOT NULL;

-- # unsafe, mysql: a shorter varchar
-- given: CREATE TABLE orders (note varchar(20))
ALTER TABLE orders MODIFY note varchar(10);

-- # unsafe, mariadb: another type
-- given: CREATE TABLE orders (id int NOT NULL)
ALTER TABLE orders MODIFY id bigint NOT NULL;

-- # safe, mysql: how wide an integer is shown
-- given: CREATE TABLE orders (id int(10) unsigned NOT NULL)
ALTER TABLE orders MODIFY id int unsigned NOT NULL;

-- # unsafe, mysql: with a sign
-- given: CREATE TABLE orders (id int unsigned NOT NULL)
ALTER TABLE orders MODIFY id int NOT NULL;

-- # safe, mysql: only the default or the comment is another
-- given: CREATE TABLE orders (note varchar(20) NOT NULL)
ALTER TABLE orders MODIFY note varchar(20) NOT NULL DEFAULT 'x' COMMENT 'y';

-- # unsafe, mysql: becomes NOT NULL
-- given: CREATE TABLE orders (note varchar(20))
ALTER TABLE orders MODIFY note varchar(20) NOT NULL;

-- # safe, mysql: may be NULL
-- given: CREATE TABLE orders (note varchar(20) NOT NULL)
ALTER TABLE orders MODIFY note varchar(20) NULL;

-- # safe, mysql: a value at the end of an enum
-- given: CREATE TABLE orders (state enum('a','b'))
ALTER TABLE orders MODIFY COLUMN state ENUM('a', 'b', 'c');

-- # unsafe, mysql: in the middle
-- given: CREATE TABLE orders (state enum('a','b'))
ALTER TABLE orders MODIFY COLUMN state ENUM('a', 'c', 'b');

-- # unsafe, mysql: a value goes
-- given: CREATE TABLE orders (state enum('a','b'))
ALTER TABLE orders CHANGE state state ENUM('a');

-- # unsafe, mysql: a ninth value of a set takes another byte
-- given: CREATE TABLE orders (s set('1','2','3','4','5','6','7','8'))
ALTER TABLE orders MODIFY s set('1','2','3','4','5','6','7','8','9');

-- # unsafe, mysql: a foreign key
ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (customer_id) REFERENCES customers (id);

-- # unsafe, mysql: a CHECK
ALTER TABLE orders ADD CONSTRAINT CHECK (amount > 0);

-- # safe, mysql: a CHECK that is not enforced
ALTER TABLE orders ADD CONSTRAINT ck CHECK (amount > 0) NOT ENFORCED;

-- # unsafe, mysql: a character set
ALTER TABLE orders CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- # safe, mysql: the character set of what is added later
ALTER TABLE orders DEFAULT CHARACTER SET = utf8mb4, COMMENT = 'x', AUTO_INCREMENT = 100;

-- # unsafe, mysql: unique
ALTER TABLE orders ADD UNIQUE `one` (`number`);

-- # safe, mysql: unique in a new column
ALTER TABLE orders ADD COLUMN number int, ADD UNIQUE KEY one (number);

-- # unsafe, mysql: full text
CREATE FULLTEXT INDEX ft ON orders (note);

-- # unsafe, mysql: the primary key goes
ALTER TABLE orders DROP PRIMARY KEY;

-- # unsafe, mysql: counted column
ALTER TABLE orders ADD COLUMN id int NOT NULL AUTO_INCREMENT PRIMARY KEY FIRST;

-- # unsafe, mysql: a stored column
ALTER TABLE orders ADD COLUMN total int AS (a + b) STORED;

-- # unsafe, mysql: a copy is asked for
ALTER TABLE orders ADD COLUMN a int, ALGORITHM=COPY;

-- # unsafe, mysql: rows
UPDATE orders SET region = 'eu';

-- # safe, mysql: a batch
UPDATE orders SET region = 'eu' WHERE region IS NULL ORDER BY id LIMIT 1000;
DELETE FROM orders ORDER BY id LIMIT 100;

-- # unsafe, mysql: all rows by a join
DELETE o FROM orders o JOIN customers c ON c.id = o.customer_id;

-- # unsafe, mysql: a partition
ALTER TABLE orders DROP PARTITION p2020, p2021;

-- # safe, mysql: another partition
ALTER TABLE orders ADD PARTITION (PARTITION p2030 VALUES LESS THAN (2031));

-- # unsafe, mysql: partitions are cut anew
ALTER TABLE orders REORGANIZE PARTITION p0 INTO (PARTITION a VALUES LESS THAN (5), PARTITION b VALUES LESS THAN (10));

-- # unsafe, mysql: an event goes
DROP EVENT IF EXISTS nightly;

-- # safe, mysql: a dump
/*!40101 SET NAMES utf8mb4 */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
CREATE TABLE `a` (`id` int NOT NULL) ENGINE=InnoDB;
LOCK TABLES `a` WRITE;
/*!40000 ALTER TABLE `a` DISABLE KEYS */;
INSERT INTO `a` VALUES (1),(2);
/*!40000 ALTER TABLE `a` ENABLE KEYS */;
UNLOCK TABLES;

-- # safe, mysql: triggers and procedures
DELIMITER $$
CREATE DEFINER=`root`@`%` TRIGGER t BEFORE INSERT ON orders FOR EACH ROW BEGIN SET NEW.a = 1; DELETE FROM x; END$$
CREATE PROCEDURE p() BEGIN DROP TABLE orders; END$$
DELIMITER ;

-- # safe, mysql: Laravel
alter table `orders` add `region` varchar(255) null after `state`;
create table `lines` (`id` bigint unsigned not null auto_increment primary key, `order_id` bigint unsigned not null, `created_at` timestamp null) default character set utf8mb4 collate 'utf8mb4_unicode_ci';
alter table `lines` add constraint `lines_order_id_foreign` foreign key (`order_id`) references `orders` (`id`) on delete cascade;
alter table `lines` add index `lines_created_at_index`(`created_at`);

-- # unsafe, mysql: Laravel
alter table `orders` add constraint `orders_customer_id_foreign` foreign key (`customer_id`) references `customers` (`id`);

-- # unsafe, mysql: Django
ALTER TABLE `shop_order` ADD COLUMN `open` bool DEFAULT b'1' NOT NULL;
ALTER TABLE `shop_order` ALTER COLUMN `open` DROP DEFAULT;

-- # unsafe, mysql: Rails
ALTER TABLE `orders` CHANGE `note` `remark` varchar(255) DEFAULT NULL;

-- # safe, mysql: Rails
ALTER TABLE `orders` ADD `nice` tinyint(1) DEFAULT TRUE;
CREATE INDEX `index_orders_on_region` ON `orders` (`region`);

-- # safe, mysql: Prisma
-- CreateTable
CREATE TABLE `User` (
    `id` INTEGER NOT NULL AUTO_INCREMENT,
    `email` VARCHAR(191) NOT NULL,
    `at` DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),

    UNIQUE INDEX `User_email_key`(`email`),
    PRIMARY KEY (`id`)
) DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

-- # unsafe, mysql: Prisma
-- AlterTable
ALTER TABLE `User` ADD COLUMN `name` VARCHAR(191) NOT NULL,
    MODIFY `email` VARCHAR(191) NULL;

-- # safe, mariadb: what MariaDB adds
ALTER TABLE orders ADD COLUMN IF NOT EXISTS a int, ADD INDEX IF NOT EXISTS i (a), DROP INDEX IF EXISTS j, WAIT 5;
CREATE OR REPLACE SEQUENCE s START WITH 1;
CREATE TABLE IF NOT EXISTS h (id int, row_start timestamp(6) GENERATED ALWAYS AS ROW START, row_end timestamp(6) GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (row_start, row_end)) WITH SYSTEM VERSIONING;

-- # unsafe, mariadb: a table is replaced
CREATE OR REPLACE TABLE orders (id int);

-- # unsafe, mysql: a default that is an expression copies the table
ALTER TABLE orders ADD COLUMN token varchar(36) DEFAULT (uuid());

-- # unsafe, mysql: a table is locked
LOCK TABLES orders WRITE, lines READ LOCAL;

-- # unknown, mysql: a prepared statement
SET @sql = 'DROP TABLE orders'; PREPARE s FROM @sql; EXECUTE s;

-- # safe, mysql: types and options as they are written
CREATE TABLE IF NOT EXISTS `shop`.`t` (
  a TINYINT(1) UNSIGNED ZEROFILL NOT NULL DEFAULT '0', b DOUBLE PRECISION, c NATIONAL VARCHAR(10), d LONG VARCHAR, e BIT(1) DEFAULT b'0',
  f SET('a','b'), g JSON NOT NULL DEFAULT (JSON_OBJECT()), h GEOMETRY NOT NULL SRID 4326, i YEAR, j VARBINARY(16), k MEDIUMTEXT CHARACTER SET latin1 COLLATE latin1_bin,
  l DATETIME(6) DEFAULT NOW(6) ON UPDATE NOW(6), m INT INVISIBLE, n INT COLUMN_FORMAT FIXED STORAGE DISK,
  INDEX (a), KEY k2 USING BTREE (b, c(5) DESC), SPATIAL INDEX sp (h), INDEX fn ((lower(c))), UNIQUE INDEX u (a) INVISIBLE,
  CONSTRAINT FOREIGN KEY fk1 (a) REFERENCES s (a) ON DELETE NO ACTION, CHECK (a > 0)
) ENGINE InnoDB, CHARSET utf8mb4 COLLATE utf8mb4_bin COMMENT 'x' KEY_BLOCK_SIZE=8 STATS_PERSISTENT=DEFAULT;
CREATE TABLE u LIKE t;
CREATE TABLE v AS SELECT * FROM t;
CREATE TABLE w SELECT 1;

-- # safe, mysql: sessions, and what a dump sets
SET NAMES utf8mb4; SET @@session.sql_mode = 'ANSI'; SET GLOBAL innodb_lock_wait_timeout = 5, SESSION lock_wait_timeout = 5; SET @a := 1; USE shop; START TRANSACTION WITH CONSISTENT SNAPSHOT; COMMIT;
SET FOREIGN_KEY_CHECKS=0; SET @OLD_SQL_MODE=@@SQL_MODE;

-- # safe, mysql: a foreign key without its check
SET foreign_key_checks = 0;
ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (customer_id) REFERENCES customers (id), ALGORITHM=INPLACE;
SET foreign_key_checks = 1;

-- # unsafe, mysql: with its check again
SET foreign_key_checks = 0;
SET foreign_key_checks = 1;
ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers (id);

-- # safe, mysql: views, triggers, events, users come
CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`a`@`localhost` SQL SECURITY INVOKER VIEW v AS SELECT 1;
CREATE EVENT IF NOT EXISTS nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM log WHERE at < NOW();
CREATE USER IF NOT EXISTS 'a'@'%' IDENTIFIED BY 'x';
GRANT ALL PRIVILEGES ON shop.* TO 'a'@'%' WITH GRANT OPTION;
FLUSH PRIVILEGES;

-- # unsafe, mysql: a view, a user, a database go
DROP VIEW IF EXISTS v;
DROP USER 'a'@'%';
DROP SCHEMA shop;

-- # unsafe, mysql: a trigger goes
DROP TRIGGER IF EXISTS shop.t;

-- # unsafe, mysql: NOT NULL by CHANGE
-- given: CREATE TABLE t (a int NULL)
ALTER TABLE t CHANGE COLUMN a a int NOT NULL;

-- # unsafe, mysql: another column's place copies nothing, but the type does
-- given: CREATE TABLE t (a int, b int)
ALTER TABLE t MODIFY COLUMN b varchar(10) AFTER a;

-- # safe, mariadb: another place
-- given: CREATE TABLE t (a int, b int)
ALTER TABLE t MODIFY COLUMN b int FIRST;

-- # unsafe, mysql: several actions, one of which copies
ALTER TABLE t ADD COLUMN c int, ADD INDEX i (c), ADD CONSTRAINT k CHECK (c > 0);

-- # unsafe, mysql: the rows of a table are loaded anew
TRUNCATE TABLE t;

-- # unsafe, mysql: TRUNCATE without TABLE, and REPLACE
TRUNCATE t;
REPLACE INTO t VALUES (1);

-- # safe, mysql: rows
INSERT IGNORE INTO t (a, b) VALUES (1, 2) AS new ON DUPLICATE KEY UPDATE a = new.a;
REPLACE INTO t SET a = 1;
UPDATE t JOIN s ON s.id = t.id SET t.a = s.a WHERE t.id < 100;
DELETE FROM t WHERE id IN (SELECT id FROM s) LIMIT 10;

-- # unsafe, mysql: every row by a join
UPDATE t JOIN s ON s.id = t.id SET t.a = s.a;

-- # safe, mysql: maintenance that lets others work
ANALYZE TABLE t; CHECK TABLE t;

-- # safe, mysql: default charset of a database, of what comes later
ALTER DATABASE shop CHARACTER SET utf8mb4;

-- # unsafe, mysql: tablespaces are thrown away
ALTER TABLE t DISCARD TABLESPACE;

-- # unsafe, mysql: an auto increment key becomes unsigned
-- given: CREATE TABLE t (id int NOT NULL AUTO_INCREMENT PRIMARY KEY)
ALTER TABLE t MODIFY id int unsigned NOT NULL AUTO_INCREMENT;

-- # safe, mysql: a default is set or dropped on what may be NULL
-- given: CREATE TABLE t (a int DEFAULT 1)
ALTER TABLE t ALTER COLUMN a SET DEFAULT 5, ALTER b SET DEFAULT (1 + 1);
ALTER TABLE t ALTER a DROP DEFAULT;

-- # safe, mysql 8.0.28: a column in the middle builds the table anew while others work
ALTER TABLE t ADD COLUMN b int AFTER a;

-- # unsafe, mysql: a new primary key
ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (b);

-- # unsafe, mysql: a generated column that is stored gets another expression
-- given: CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a + 1) STORED)
ALTER TABLE t MODIFY b int GENERATED ALWAYS AS (a + 2) STORED;

-- # safe, mysql: the name of an index
ALTER TABLE t RENAME INDEX a TO b, RENAME KEY c TO d;

-- # unsafe, mysql: TypeORM
ALTER TABLE `user` CHANGE `name` `fullName` varchar(255) NOT NULL;

-- # unsafe, mysql: TypeORM drops and adds
ALTER TABLE `user` DROP COLUMN `name`;
ALTER TABLE `user` ADD `name` varchar(100) NOT NULL DEFAULT '';

-- # safe, mysql: EF Core
ALTER TABLE `Blogs` ADD `Url` longtext CHARACTER SET utf8mb4 NULL;
INSERT INTO `__EFMigrationsHistory` (`MigrationId`, `ProductVersion`) VALUES ('20240101_Url', '8.0.0');

-- # unsafe, mysql: Doctrine
ALTER TABLE orders ADD customer_id INT NOT NULL, CHANGE note note VARCHAR(255) DEFAULT NULL;

-- # unsafe, mysql: a table is sorted by several columns
ALTER TABLE t ORDER BY a DESC, b;

-- # unsafe, mysql: the primary key by its name
DROP INDEX `PRIMARY` ON t;

-- # unsafe, mariadb: settings for one statement
SET STATEMENT max_statement_time=60 FOR ALTER TABLE t DROP COLUMN a;

-- # unsafe, mysql: the rows of a partition are swapped
ALTER TABLE t EXCHANGE PARTITION p WITH TABLE s WITHOUT VALIDATION;

-- # safe, mysql: a virtual column and its index, one after the other
ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS (b) VIRTUAL;
ALTER TABLE t ADD INDEX (a);

-- # unsafe, mysql: a virtual column and its index in one statement, which cannot be done in place
ALTER TABLE t ADD COLUMN a int GENERATED ALWAYS AS (b) VIRTUAL, ADD INDEX (a);
