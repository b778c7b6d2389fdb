-- 0001
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE account (
    id SERIAL NOT NULL,
    username VARCHAR(64) NOT NULL,
    display_name VARCHAR(100) NOT NULL,
    email VARCHAR(254),
    password_hash VARCHAR(100),
    role VARCHAR(16) NOT NULL,
    active BOOLEAN NOT NULL,
    session_version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_sign_in TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_account PRIMARY KEY (id),
    CONSTRAINT ck_account_role_known CHECK (role IN ('user', 'admin')),
    CONSTRAINT ck_account_email_lower CHECK (email = lower(email)),
    CONSTRAINT ck_account_username_lower CHECK (username = lower(username)),
    CONSTRAINT uq_account_email UNIQUE (email),
    CONSTRAINT uq_account_username UNIQUE (username)
);
CREATE TABLE sign_in_attempt (
    id SERIAL NOT NULL,
    username VARCHAR(64) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_sign_in_attempt PRIMARY KEY (id)
);
CREATE INDEX ix_sign_in_attempt_at ON sign_in_attempt (at);
CREATE INDEX ix_sign_in_attempt_username_at ON sign_in_attempt (username, at);
CREATE TABLE one_time_code (
    id SERIAL NOT NULL,
    code_hash VARCHAR(64) NOT NULL,
    purpose VARCHAR(16) NOT NULL,
    account_id INTEGER,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_one_time_code PRIMARY KEY (id),
    CONSTRAINT ck_one_time_code_purpose_known CHECK (purpose IN ('setup', 'reset')),
    CONSTRAINT fk_one_time_code_account_id FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE,
    CONSTRAINT uq_one_time_code_code_hash UNIQUE (code_hash)
);
CREATE INDEX ix_one_time_code_account_id ON one_time_code (account_id);

-- 0002
CREATE TABLE saved_slice (
    id SERIAL NOT NULL,
    account_id INTEGER NOT NULL,
    "of" VARCHAR(200) NOT NULL,
    name VARCHAR(80) NOT NULL,
    image_ids BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_saved_slice PRIMARY KEY (id),
    CONSTRAINT fk_saved_slice_account_id FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE,
    CONSTRAINT uq_saved_slice_account_id UNIQUE (account_id, "of", name)
);
CREATE TABLE review_item (
    id SERIAL NOT NULL,
    "of" VARCHAR(200) NOT NULL,
    image_id VARCHAR(300) NOT NULL,
    reason VARCHAR(16) NOT NULL,
    added_by INTEGER,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_review_item PRIMARY KEY (id),
    CONSTRAINT ck_review_item_reason_known CHECK (reason IN ('error', 'suspicious', 'chosen', 'control')),
    CONSTRAINT fk_review_item_added_by FOREIGN KEY(added_by) REFERENCES account (id) ON DELETE SET NULL,
    CONSTRAINT uq_review_item_of UNIQUE ("of", image_id)
);
CREATE TABLE judgement (
    id SERIAL NOT NULL,
    item_id INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    seen VARCHAR(16) NOT NULL,
    note VARCHAR(500) NOT NULL,
    given_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_judgement PRIMARY KEY (id),
    CONSTRAINT ck_judgement_seen_known CHECK (seen IN ('all', 'hem', 'unsure', 'bad_picture')),
    CONSTRAINT fk_judgement_item_id FOREIGN KEY(item_id) REFERENCES review_item (id) ON DELETE CASCADE,
    CONSTRAINT fk_judgement_account_id FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE,
    CONSTRAINT uq_judgement_item_id UNIQUE (item_id, account_id)
);

-- 0003
CREATE TABLE data_set (
    id SERIAL NOT NULL,
    name VARCHAR(80) NOT NULL,
    path VARCHAR(2000) NOT NULL,
    added_by INTEGER,
    added_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_data_set PRIMARY KEY (id),
    CONSTRAINT fk_data_set_added_by FOREIGN KEY(added_by) REFERENCES account (id) ON DELETE SET NULL,
    CONSTRAINT uq_data_set_name UNIQUE (name),
    CONSTRAINT uq_data_set_path UNIQUE (path)
);

-- 0004
CREATE TABLE batch (
    id SERIAL NOT NULL,
    account_id INTEGER NOT NULL,
    name VARCHAR(200) NOT NULL,
    model VARCHAR(200) NOT NULL,
    model_sha256 VARCHAR(64) NOT NULL,
    total INTEGER NOT NULL,
    state VARCHAR(16) NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    touched_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_batch PRIMARY KEY (id),
    CONSTRAINT ck_batch_state_known CHECK (state IN ('running', 'done', 'cancelled', 'failed')),
    CONSTRAINT fk_batch_account_id FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
);
CREATE INDEX ix_batch_account_id_started_at ON batch (account_id, started_at);
CREATE TABLE prediction (
    id SERIAL NOT NULL,
    account_id INTEGER NOT NULL,
    batch_id INTEGER,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    name VARCHAR(300) NOT NULL,
    image_sha256 VARCHAR(64) NOT NULL,
    model VARCHAR(200) NOT NULL,
    model_sha256 VARCHAR(64) NOT NULL,
    preprocessing_version INTEGER NOT NULL,
    threshold DOUBLE PRECISION NOT NULL,
    verdict VARCHAR(16) NOT NULL,
    p_all DOUBLE PRECISION,
    logit DOUBLE PRECISION,
    reason VARCHAR(1000) NOT NULL,
    rung VARCHAR(16),
    strangeness DOUBLE PRECISION,
    subject VARCHAR(200),
    flagged_at TIMESTAMP WITH TIME ZONE,
    flag_note VARCHAR(500) NOT NULL,
    CONSTRAINT pk_prediction PRIMARY KEY (id),
    CONSTRAINT ck_prediction_verdict_known CHECK (verdict IN ('all', 'hem', 'refused')),
    CONSTRAINT fk_prediction_account_id FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE,
    CONSTRAINT fk_prediction_batch_id FOREIGN KEY(batch_id) REFERENCES batch (id) ON DELETE CASCADE
);
CREATE INDEX ix_prediction_account_id_at ON prediction (account_id, at);
CREATE INDEX ix_prediction_account_id_name ON prediction (account_id, name);
CREATE INDEX ix_prediction_account_id_verdict ON prediction (account_id, verdict, at);
CREATE INDEX ix_prediction_account_id_image_sha256 ON prediction (account_id, image_sha256);
CREATE INDEX ix_prediction_image_sha256 ON prediction (image_sha256);
CREATE INDEX ix_prediction_batch_id ON prediction (batch_id);
CREATE INDEX ix_prediction_flagged_at ON prediction (flagged_at);
CREATE TABLE kept_picture (
    account_id INTEGER NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    size INTEGER NOT NULL,
    kept_at TIMESTAMP WITH TIME ZONE NOT NULL,
    kept_until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_kept_picture PRIMARY KEY (account_id, sha256),
    CONSTRAINT fk_kept_picture_account_id FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE
);
CREATE TABLE setting (
    key VARCHAR(64) NOT NULL,
    value VARCHAR(4000) NOT NULL,
    changed_by INTEGER,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_setting PRIMARY KEY (key),
    CONSTRAINT fk_setting_changed_by FOREIGN KEY(changed_by) REFERENCES account (id) ON DELETE SET NULL
);
ALTER TABLE review_item DROP CONSTRAINT ck_review_item_reason_known;
ALTER TABLE review_item ADD CONSTRAINT ck_review_item_reason_known CHECK (reason IN ('error', 'suspicious', 'chosen', 'control', 'flagged'));

-- 0005
ALTER TABLE account ADD COLUMN toured_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE account DROP CONSTRAINT ck_account_role_known;
ALTER TABLE account ADD CONSTRAINT ck_account_role_known CHECK (role IN ('demo', 'user', 'reviewer', 'admin'));

-- 0006
ALTER TABLE account ADD COLUMN waiting BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE sign_in_attempt ADD COLUMN address VARCHAR(64) DEFAULT '' NOT NULL;
CREATE INDEX ix_sign_in_attempt_address_at ON sign_in_attempt (address, at);
CREATE TABLE session (
    id SERIAL NOT NULL,
    key_hash VARCHAR(64) NOT NULL,
    account_id INTEGER NOT NULL,
    version INTEGER NOT NULL,
    began_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    address VARCHAR(64) NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_session PRIMARY KEY (id),
    CONSTRAINT fk_session_account_id FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE,
    CONSTRAINT uq_session_key_hash UNIQUE (key_hash)
);
CREATE INDEX ix_session_account_id ON session (account_id);
CREATE INDEX ix_session_used_at ON session (used_at);
CREATE TABLE invitation (
    id SERIAL NOT NULL,
    code_hash VARCHAR(64) NOT NULL,
    role VARCHAR(16) NOT NULL,
    note VARCHAR(100) NOT NULL,
    made_by INTEGER,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    used_by INTEGER,
    CONSTRAINT pk_invitation PRIMARY KEY (id),
    CONSTRAINT ck_invitation_role_known CHECK (role IN ('demo', 'user', 'reviewer', 'admin')),
    CONSTRAINT fk_invitation_made_by FOREIGN KEY(made_by) REFERENCES account (id) ON DELETE SET NULL,
    CONSTRAINT fk_invitation_used_by FOREIGN KEY(used_by) REFERENCES account (id) ON DELETE SET NULL,
    CONSTRAINT uq_invitation_code_hash UNIQUE (code_hash)
);

-- 0007
CREATE TABLE audit (
    id SERIAL NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    account_id INTEGER,
    username VARCHAR(64) NOT NULL,
    what VARCHAR(64) NOT NULL,
    target VARCHAR(300) NOT NULL,
    address VARCHAR(200) NOT NULL,
    detail VARCHAR(4000) NOT NULL,
    CONSTRAINT pk_audit PRIMARY KEY (id)
);
CREATE INDEX ix_audit_at ON audit (at);
CREATE INDEX ix_audit_username_at ON audit (username, at);
CREATE INDEX ix_audit_what_at ON audit (what, at);
CREATE OR REPLACE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$;
CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
ALTER TABLE judgement ALTER COLUMN account_id DROP NOT NULL;
ALTER TABLE judgement DROP CONSTRAINT fk_judgement_account_id;
ALTER TABLE judgement ADD CONSTRAINT fk_judgement_account_id FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE SET NULL;

-- 0008
CREATE TABLE identity (
    id SERIAL NOT NULL,
    issuer VARCHAR(500) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    account_id INTEGER NOT NULL,
    linked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    token_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity PRIMARY KEY (id),
    CONSTRAINT fk_identity_account_id FOREIGN KEY(account_id) REFERENCES account (id) ON DELETE CASCADE,
    CONSTRAINT uq_identity_issuer UNIQUE (issuer, subject)
);
CREATE INDEX ix_identity_account_id ON identity (account_id);
