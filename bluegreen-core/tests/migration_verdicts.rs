//! What is said of whole migrations: verdict, phase, what comments allow, what one release makes.

use bluegreen_core::MigrationPhase;
use bluegreen_core::migration::{Engine, Linter, Server, Severity, Verdict};

fn postgres() -> Linter {
    Linter::new(Server::newest(Engine::Postgres))
}

#[test]
fn the_ten_commonest_operations_of_postgres() {
    for (sql, verdict) in [
        (
            "CREATE TABLE a (id bigint PRIMARY KEY, b text NOT NULL, UNIQUE (b))",
            Verdict::Safe,
        ),
        ("ALTER TABLE a ADD COLUMN c text", Verdict::Safe),
        (
            "ALTER TABLE a ADD COLUMN c text NOT NULL DEFAULT ''",
            Verdict::Safe,
        ),
        ("ALTER TABLE a ADD COLUMN c text NOT NULL", Verdict::Unsafe),
        ("CREATE INDEX i ON a (b)", Verdict::Unsafe),
        ("CREATE INDEX CONCURRENTLY i ON a (b)", Verdict::Safe),
        ("ALTER TABLE a DROP COLUMN b", Verdict::Unsafe),
        ("ALTER TABLE a RENAME COLUMN b TO c", Verdict::Unsafe),
        ("ALTER TABLE a ALTER COLUMN b SET NOT NULL", Verdict::Unsafe),
        (
            "ALTER TABLE a ALTER COLUMN b TYPE bigint USING b::bigint",
            Verdict::Unsafe,
        ),
        (
            "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES c (id)",
            Verdict::Unsafe,
        ),
        (
            "ALTER TABLE a ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES c (id) NOT VALID",
            Verdict::Safe,
        ),
        ("UPDATE a SET b = 1", Verdict::Unsafe),
        ("DROP TABLE a", Verdict::Unsafe),
        (
            "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()",
            Verdict::Safe,
        ),
        (
            "COMMENT ON TABLE a IS 'x'; GRANT SELECT ON a TO b; SELECT setval('s', 1)",
            Verdict::Safe,
        ),
    ] {
        let report = postgres().check(sql);
        assert_eq!(report.verdict, verdict, "{sql}: {:#?}", report.findings);
    }
}

#[test]
fn a_drop_is_refused_in_expand_and_right_in_contract() {
    let sql = "ALTER TABLE orders DROP COLUMN note";
    let expand = postgres().check(sql);
    assert_eq!(
        (expand.verdict, expand.phase),
        (Verdict::Unsafe, Some(MigrationPhase::Contract))
    );
    let contract = postgres().phase(MigrationPhase::Contract).check(sql);
    assert_eq!(contract.verdict, Verdict::Safe);
    assert_eq!(
        contract.findings[0].severity,
        Severity::Warning,
        "its precondition is still told"
    );
}

#[test]
fn what_belongs_to_no_one_phase_says_so() {
    let report = postgres().check("ALTER TABLE orders RENAME COLUMN a TO b");
    assert_eq!(report.phase, None);
    assert_eq!(
        postgres().check("ALTER TABLE orders ADD COLUMN a int").phase,
        Some(MigrationPhase::Expand)
    );
    assert_eq!(
        postgres().check("UPDATE orders SET a = 1").phase,
        Some(MigrationPhase::Backfill)
    );
}

#[test]
fn a_comment_with_a_reason_allows_one_without_does_not() {
    let allowed = postgres().check("-- bluegreen:allow drop-table: unused since 1.3\nDROP TABLE orders;");
    assert_eq!(allowed.verdict, Verdict::Safe);
    assert_eq!(allowed.findings[0].allowed.as_deref(), Some("unused since 1.3"));
    let silent = postgres().check("-- bluegreen:allow drop-table\nDROP TABLE orders;");
    assert_eq!(silent.verdict, Verdict::Unsafe);
    let other = postgres().check("-- bluegreen:allow drop-table: unused\nDROP TABLE a;\nDROP TABLE b;");
    assert_eq!(
        other.verdict,
        Verdict::Unsafe,
        "it is for the next statement only"
    );
}

#[test]
fn one_statement_that_is_not_understood_does_not_hide_the_others() {
    let report = postgres().check("FROBNICATE a;\nDROP TABLE b;\nSELECT 'open;\nDROP TABLE c;");
    let rules: Vec<_> = report
        .findings
        .iter()
        .map(|finding| (finding.rule.as_str(), finding.line))
        .collect();
    assert_eq!(
        rules,
        [
            ("unknown-statement", 1),
            ("drop-table", 2),
            ("unknown-statement", 3),
            ("drop-table", 4)
        ]
    );
    assert_eq!(postgres().check("FROBNICATE a;").verdict, Verdict::Unknown);
}

#[test]
fn the_rewrite_of_an_index_is_sql_that_is_safe() {
    for sql in [
        "CREATE INDEX i ON a (b)",
        "CREATE UNIQUE INDEX ON a (b)",
        "/* x */ create index if not exists i on a (b)",
    ] {
        let report = postgres().check(sql);
        let rewrite = report.findings[0].rewrite.as_deref().unwrap();
        assert_eq!(postgres().check(rewrite).verdict, Verdict::Safe, "{rewrite}");
    }
}

#[test]
fn a_table_is_new_for_its_own_release_only() {
    let mut linter = postgres();
    assert_eq!(
        linter.check_next("CREATE TABLE orders (id int)").verdict,
        Verdict::Safe
    );
    assert_eq!(
        linter.check_next("CREATE INDEX i ON orders (id)").verdict,
        Verdict::Safe
    );
    linter.begin_release();
    assert_eq!(
        linter.check_next("CREATE INDEX j ON orders (id)").verdict,
        Verdict::Unsafe
    );
}

#[test]
fn the_sql_of_tools_is_read() {
    for (engine, sql) in [
        // Django
        (
            Engine::Postgres,
            "BEGIN;\n--\n-- Add field a to b\n--\nALTER TABLE \"b\" ADD COLUMN \"a\" varchar(10) NULL;\nCOMMIT;",
        ),
        // Flyway, with places that it fills in
        (
            Engine::Postgres,
            "CREATE TABLE ${schema}.${prefix}_orders (id bigint PRIMARY KEY);\nALTER TABLE ${schema}.orders ADD COLUMN note text;",
        ),
        (Engine::Mysql, "ALTER TABLE ${prefix}_orders ADD COLUMN note text"),
        // psql, with variables
        (
            Engine::Postgres,
            "SET search_path TO :schema;\nCREATE TABLE :schema.orders (id bigint, note text DEFAULT :'note'::text);\nALTER TABLE :\"schema\".lines ADD COLUMN note text;",
        ),
        (
            Engine::Postgres,
            "DO LANGUAGE 'plpgsql' $$ BEGIN ALTER TABLE orders ADD COLUMN note text; END $$;",
        ),
        // Alembic
        (
            Engine::Postgres,
            "BEGIN;\n-- Running upgrade  -> 1\nCREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));\nINSERT INTO alembic_version (version_num) VALUES ('1') RETURNING alembic_version.version_num;\nCOMMIT;",
        ),
        // Prisma
        (
            Engine::Postgres,
            "-- CreateTable\nCREATE TABLE \"User\" (\n \"id\" SERIAL NOT NULL,\n \"at\" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,\n CONSTRAINT \"User_pkey\" PRIMARY KEY (\"id\")\n);\n-- CreateIndex\nCREATE UNIQUE INDEX \"User_id_key\" ON \"User\"(\"id\");",
        ),
        // drizzle
        (
            Engine::Postgres,
            "DO $$ BEGIN\n CREATE TYPE \"mood\" AS ENUM('a', 'b');\nEXCEPTION\n WHEN duplicate_object THEN null;\nEND $$;\n--> statement-breakpoint\nCREATE TABLE IF NOT EXISTS \"a\" (\"id\" serial PRIMARY KEY NOT NULL);",
        ),
        // pg_dump
        (
            Engine::Postgres,
            "SET statement_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\nCREATE TABLE public.a (id integer NOT NULL, b character varying(255) DEFAULT 'x'::character varying);\nALTER TABLE public.a OWNER TO app;\nCREATE SEQUENCE public.a_id_seq AS integer START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1;\nALTER SEQUENCE public.a_id_seq OWNED BY public.a.id;\nALTER TABLE ONLY public.a ALTER COLUMN id SET DEFAULT nextval('public.a_id_seq'::regclass);\nCOPY public.a (id, b) FROM stdin;\n1\tx;y\n\\.\nALTER TABLE ONLY public.a ADD CONSTRAINT a_pkey PRIMARY KEY (id);\nCREATE INDEX i ON public.a USING btree (b);",
        ),
        // Laravel
        (
            Engine::Mysql,
            "  2014_10_12_000000_create_users_table .....\n  ⇂ create table `users` (`id` bigint unsigned not null auto_increment primary key, `email` varchar(255) not null) default character set utf8mb4 collate 'utf8mb4_unicode_ci'\n  ⇂ alter table `users` add unique `users_email_unique`(`email`)\n",
        ),
        // Prisma on SQLite
        (
            Engine::Sqlite,
            "PRAGMA foreign_keys=OFF;\nCREATE TABLE \"new_A\" (\"id\" INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, \"b\" TEXT);\nINSERT INTO \"new_A\" (\"id\") SELECT \"id\" FROM \"A\";\nDROP TABLE \"A\";\nALTER TABLE \"new_A\" RENAME TO \"A\";\nPRAGMA foreign_keys=ON;",
        ),
        // goose
        (
            Engine::Postgres,
            "-- +goose Up\n-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS int AS 'select 1;' LANGUAGE sql;\n-- +goose StatementEnd\n-- +goose Down\nDROP FUNCTION f;",
        ),
    ] {
        let report = Linter::new(Server::newest(engine)).check(sql);
        assert_eq!(report.verdict, Verdict::Safe, "{sql}\n{:#?}", report.findings);
    }
}
