-- The landing tables of version 7, written by `./script/lint --fix`.

CREATE TABLE warehouse_landing.core10_shutdown_events (
    _load_id BIGINT NOT NULL COMMENT 'landing_loads.load_id',
    _row_no INTEGER NOT NULL COMMENT '1-based, among the file''s rows',
    _line_no INTEGER NOT NULL COMMENT '1-based, where the row begins in the file',
    run_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    case_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    antibody_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    shutdown_step INTEGER NOT NULL,
    shutdown_trigger_final VARCHAR(64) COLLATE utf8mb4_bin,
    fallback_stage VARCHAR(64) COLLATE utf8mb4_bin,
    fallback_reason_code VARCHAR(128) COLLATE utf8mb4_bin,
    fallback_score DOUBLE,
    reservation_status VARCHAR(64) COLLATE utf8mb4_bin,
    reservation_reason_code VARCHAR(128) COLLATE utf8mb4_bin,
    risk_score_total DOUBLE,
    _other_columns JSON COMMENT 'columns that Afterstate does not know, as texts',
    PRIMARY KEY (_load_id, _row_no)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='Rows of core10_shutdown_events files as they were landed, every load of them' COLLATE utf8mb4_bin;

CREATE TABLE warehouse_landing.core8_fallback_decisions (
    _load_id BIGINT NOT NULL COMMENT 'landing_loads.load_id',
    _row_no INTEGER NOT NULL COMMENT '1-based, among the file''s rows',
    _line_no INTEGER NOT NULL COMMENT '1-based, where the row begins in the file',
    run_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    case_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    antibody_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    step INTEGER NOT NULL,
    fallback_stage VARCHAR(64) COLLATE utf8mb4_bin,
    fallback_reason_code VARCHAR(128) COLLATE utf8mb4_bin,
    fallback_score DOUBLE,
    _other_columns JSON COMMENT 'columns that Afterstate does not know, as texts',
    PRIMARY KEY (_load_id, _row_no)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='Rows of core8_fallback_decisions files as they were landed, every load of them' COLLATE utf8mb4_bin;

CREATE TABLE warehouse_landing.core8_state_trace (
    _load_id BIGINT NOT NULL COMMENT 'landing_loads.load_id',
    _row_no INTEGER NOT NULL COMMENT '1-based, among the file''s rows',
    _line_no INTEGER NOT NULL COMMENT '1-based, where the row begins in the file',
    run_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    case_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    antibody_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    step INTEGER NOT NULL,
    `SoMS_cumsum_window` DOUBLE,
    action_toggle_rate DOUBLE,
    blocked_rate_window DOUBLE,
    veto_streak INTEGER,
    _other_columns JSON COMMENT 'columns that Afterstate does not know, as texts',
    PRIMARY KEY (_load_id, _row_no)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='Rows of core8_state_trace files as they were landed, every load of them' COLLATE utf8mb4_bin;

CREATE TABLE warehouse_landing.core9_reservation_log (
    _load_id BIGINT NOT NULL COMMENT 'landing_loads.load_id',
    _row_no INTEGER NOT NULL COMMENT '1-based, among the file''s rows',
    _line_no INTEGER NOT NULL COMMENT '1-based, where the row begins in the file',
    run_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    case_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    antibody_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    step INTEGER NOT NULL,
    reservation_status VARCHAR(64) COLLATE utf8mb4_bin,
    reservation_reason_code VARCHAR(128) COLLATE utf8mb4_bin,
    risk_score_total DOUBLE,
    _other_columns JSON COMMENT 'columns that Afterstate does not know, as texts',
    PRIMARY KEY (_load_id, _row_no)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='Rows of core9_reservation_log files as they were landed, every load of them' COLLATE utf8mb4_bin;

CREATE TABLE warehouse_landing.landing_loads (
    load_id BIGINT NOT NULL AUTO_INCREMENT,
    kind VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    session_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL COMMENT 'empty for a kind without sessions' DEFAULT '',
    run_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL COMMENT 'empty for a kind without sessions' DEFAULT '',
    file_path TEXT COLLATE utf8mb4_bin NOT NULL,
    file_bytes BIGINT NOT NULL,
    content_sha256 CHAR(64) COLLATE utf8mb4_bin NOT NULL,
    header JSON NOT NULL COMMENT 'the file''s column names, in its order',
    rows_read BIGINT NOT NULL DEFAULT 0,
    rows_landed BIGINT NOT NULL DEFAULT 0,
    rows_rejected BIGINT NOT NULL DEFAULT 0,
    started_at DATETIME(6) NOT NULL COMMENT 'UTC',
    finished_at DATETIME(6) COMMENT 'UTC',
    status VARCHAR(16) COLLATE utf8mb4_bin NOT NULL COMMENT 'landed, rejected, superseded, withdrawn, or pruned',
    withdrawn_at DATETIME(6) COMMENT 'UTC',
    content_no BIGINT NOT NULL COMMENT '0, or the load_id of a load that was withdrawn: its content may land again' DEFAULT 0,
    notes TEXT COLLATE utf8mb4_bin COMMENT 'what was odd about the file as a whole',
    PRIMARY KEY (load_id),
    CONSTRAINT landing_loads_content UNIQUE (kind, content_sha256, session_id, run_id, content_no)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='The manifest: one row for each file that was landed' COLLATE utf8mb4_bin;

CREATE TABLE warehouse_landing.landing_rejects (
    load_id BIGINT NOT NULL,
    row_no INTEGER NOT NULL COMMENT '1-based, among the file''s rows',
    line_no INTEGER NOT NULL COMMENT '1-based, where the row begins',
    kind VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    file_path TEXT COLLATE utf8mb4_bin NOT NULL,
    column_name LONGTEXT COLLATE utf8mb4_bin COMMENT 'NULL when the row as a whole does not fit',
    value LONGTEXT COLLATE utf8mb4_bin COMMENT 'the original text of the column',
    reason TEXT COLLATE utf8mb4_bin NOT NULL,
    row_text LONGTEXT COLLATE utf8mb4_bin NOT NULL COMMENT 'the original text of the row',
    PRIMARY KEY (load_id, row_no)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='Rows that did not fit, with the reason and their original text' COLLATE utf8mb4_bin;

CREATE TABLE warehouse_landing.landing_schema (
    version INTEGER NOT NULL,
    PRIMARY KEY (version)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='One row: the version of the landing schema' COLLATE utf8mb4_bin;

CREATE TABLE warehouse_landing.landing_sessions (
    session_id VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    folder TEXT COLLATE utf8mb4_bin NOT NULL COMMENT 'where its first files were',
    PRIMARY KEY (session_id)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='One row for each session: two folders of the same name are two timelines, and are never mixed' COLLATE utf8mb4_bin;

CREATE TABLE warehouse_landing.nand_op_state_timeline (
    _load_id BIGINT NOT NULL COMMENT 'landing_loads.load_id',
    _row_no INTEGER NOT NULL COMMENT '1-based, among the file''s rows',
    _line_no INTEGER NOT NULL COMMENT '1-based, where the row begins in the file',
    start DOUBLE NOT NULL,
    end DOUBLE NOT NULL,
    die INTEGER NOT NULL,
    plane INTEGER NOT NULL,
    op_state VARCHAR(160) COLLATE utf8mb4_bin NOT NULL,
    op_name VARCHAR(64) COLLATE utf8mb4_bin,
    lane VARCHAR(64) COLLATE utf8mb4_bin,
    duration DOUBLE,
    _other_columns JSON COMMENT 'columns that Afterstate does not know, as texts',
    PRIMARY KEY (_load_id, _row_no)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='Rows of nand_op_state_timeline files as they were landed, every load of them' COLLATE utf8mb4_bin;

CREATE TABLE warehouse_landing.nand_operation_timeline (
    _load_id BIGINT NOT NULL COMMENT 'landing_loads.load_id',
    _row_no INTEGER NOT NULL COMMENT '1-based, among the file''s rows',
    _line_no INTEGER NOT NULL COMMENT '1-based, where the row begins in the file',
    start DOUBLE NOT NULL,
    end DOUBLE NOT NULL,
    die INTEGER NOT NULL,
    plane INTEGER NOT NULL,
    op_name VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    op_base VARCHAR(160) COLLATE utf8mb4_bin,
    op_uid VARCHAR(64) COLLATE utf8mb4_bin,
    block INTEGER,
    page INTEGER,
    source VARCHAR(64) COLLATE utf8mb4_bin,
    op_state VARCHAR(160) COLLATE utf8mb4_bin,
    phase_key_used VARCHAR(160) COLLATE utf8mb4_bin,
    phase_key_virtual VARCHAR(160) COLLATE utf8mb4_bin,
    _other_columns JSON COMMENT 'columns that Afterstate does not know, as texts',
    PRIMARY KEY (_load_id, _row_no)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='Rows of nand_operation_timeline files as they were landed, every load of them' COLLATE utf8mb4_bin;

CREATE TABLE warehouse_landing.nand_proposal_rows (
    _load_id BIGINT NOT NULL COMMENT 'landing_loads.load_id',
    _row_no INTEGER NOT NULL COMMENT '1-based, among the file''s rows',
    _line_no INTEGER NOT NULL COMMENT '1-based, where the row begins in the file',
    start_us DOUBLE NOT NULL,
    end_us DOUBLE,
    die INTEGER NOT NULL,
    plane INTEGER NOT NULL,
    op_name VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    op_base VARCHAR(160) COLLATE utf8mb4_bin,
    op_uid VARCHAR(64) COLLATE utf8mb4_bin,
    block INTEGER,
    page INTEGER,
    source VARCHAR(64) COLLATE utf8mb4_bin,
    phase_key VARCHAR(160) COLLATE utf8mb4_bin,
    phase_hook_die INTEGER,
    phase_hook_plane INTEGER,
    phase_hook_label VARCHAR(160) COLLATE utf8mb4_bin,
    phase_key_time DOUBLE,
    celltype_hint VARCHAR(64) COLLATE utf8mb4_bin,
    inherit_hints TEXT COLLATE utf8mb4_bin,
    _other_columns JSON COMMENT 'columns that Afterstate does not know, as texts',
    PRIMARY KEY (_load_id, _row_no)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='Rows of nand_proposal_rows files as they were landed, every load of them' COLLATE utf8mb4_bin;

CREATE TABLE warehouse_landing.nand_proposer_log (
    _load_id BIGINT NOT NULL COMMENT 'landing_loads.load_id',
    _row_no INTEGER NOT NULL COMMENT '1-based, among the file''s rows',
    _line_no INTEGER NOT NULL COMMENT '1-based, where the row begins in the file',
    line_kind VARCHAR(64) COLLATE utf8mb4_bin NOT NULL,
    now_us DOUBLE,
    die INTEGER,
    plane INTEGER,
    rm_state VARCHAR(160) COLLATE utf8mb4_bin,
    hook_label VARCHAR(160) COLLATE utf8mb4_bin,
    phase_key VARCHAR(160) COLLATE utf8mb4_bin,
    op_name VARCHAR(64) COLLATE utf8mb4_bin,
    op_base VARCHAR(160) COLLATE utf8mb4_bin,
    start_us DOUBLE,
    len_batch INTEGER,
    _other_columns JSON COMMENT 'columns that Afterstate does not know, as texts',
    PRIMARY KEY (_load_id, _row_no)
)ENGINE=InnoDB CHARSET=utf8mb4 ROW_FORMAT=DYNAMIC COMMENT='Rows of nand_proposer_log files as they were landed, every load of them' COLLATE utf8mb4_bin;
