-- The calendar tables of one schema: what ICS exports hold, as rows. Applied by syncd.postgres.calendar_schema, which
-- sets the search path to the schema; every name here is unqualified for that reason.

CREATE TABLE calendar (
    calendar_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    cal_key text NOT NULL DEFAULT '' UNIQUE,
    name text,
    prodid text,
    version text,
    method text,
    calscale text,
    tzid text,
    default_tz text NOT NULL,
    props jsonb NOT NULL DEFAULT '[]',
    raw bytea NOT NULL DEFAULT '',
    full_at timestamptz,
    horizon daterange,
    parser_version int NOT NULL,
    tzdata_version text NOT NULL
);

CREATE TABLE calendar_import (
    import_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    calendar_id bigint NOT NULL REFERENCES calendar ON DELETE CASCADE,
    export_id bigint,
    run_id bigint,
    job_id text,
    page int,
    member text,
    sha256 bytea,
    size bigint,
    snapshot_at timestamptz NOT NULL,
    scope text NOT NULL CHECK (scope IN ('full', 'window')),
    window_at tstzrange,
    complete boolean NOT NULL DEFAULT false,
    parser_version int NOT NULL,
    tzdata_version text NOT NULL,
    counts jsonb NOT NULL DEFAULT '{}',
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
);
CREATE INDEX calendar_import_export ON calendar_import (calendar_id, export_id);

CREATE TABLE calendar_timezone (
    calendar_id bigint NOT NULL REFERENCES calendar ON DELETE CASCADE,
    tzid text NOT NULL,
    sha256 bytea NOT NULL DEFAULT '',
    resolved text,
    method text NOT NULL
        CHECK (method IN ('iana', 'alias', 'windows', 'prefix', 'offset', 'vtimezone', 'unresolved')),
    raw bytea,
    PRIMARY KEY (calendar_id, tzid, sha256),
    CHECK ((raw IS NULL) = (sha256 = ''))
);

CREATE TABLE calendar_event (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    calendar_id bigint NOT NULL REFERENCES calendar ON DELETE CASCADE,
    uid text NOT NULL,
    recurrence_key text NOT NULL DEFAULT '',
    uid_synthetic boolean NOT NULL DEFAULT false,
    record_id bigint,
    kind text NOT NULL CHECK (kind IN ('single', 'series', 'override', 'orphan')),
    this_and_future boolean NOT NULL DEFAULT false,
    summary text,
    description text,
    location text,
    url text,
    status text,
    class text,
    transp text,
    priority int,
    sequence int,
    categories text[],
    geo_lat double precision,
    geo_lon double precision,
    organizer_email text,
    organizer_cn text,
    created_at timestamptz,
    last_modified timestamptz,
    dtstamp timestamptz,
    time_kind text NOT NULL CHECK (time_kind IN ('date', 'utc', 'zoned', 'floating', 'unresolved', 'missing')),
    start_date date,
    end_date date,
    start_local timestamp,
    end_local timestamp,
    start_tzid text,
    end_tzid text,
    start_at timestamptz,
    end_at timestamptz,
    duration interval,
    is_busy boolean NOT NULL,
    rrule text,
    rrule_extra text[],
    expansion text NOT NULL DEFAULT 'none' CHECK (expansion IN ('none', 'ok', 'capped', 'refused', 'error')),
    expansion_note text,
    expanded daterange,
    last_end_at timestamptz,
    raw bytea NOT NULL,
    raw_sha256 bytea NOT NULL,
    content_sha256 bytea NOT NULL,
    timezone_sha256 bytea[] NOT NULL DEFAULT '{}',
    props jsonb NOT NULL,
    issues text[] NOT NULL DEFAULT '{}',
    snapshot_at timestamptz NOT NULL,
    first_import_id bigint NOT NULL,
    changed_import_id bigint NOT NULL,
    deleted_at timestamptz,
    UNIQUE (calendar_id, uid, recurrence_key),
    CHECK (end_date > start_date),
    CHECK (time_kind <> 'date' OR (start_date IS NOT NULL AND start_local IS NULL AND start_at IS NULL)),
    CHECK (time_kind NOT IN ('utc', 'zoned') OR (start_at IS NOT NULL AND start_local IS NOT NULL)),
    CHECK (time_kind NOT IN ('floating', 'unresolved') OR (start_at IS NULL AND start_local IS NOT NULL)),
    CHECK (time_kind <> 'missing' OR (start_date IS NULL AND start_local IS NULL AND start_at IS NULL))
);
CREATE INDEX calendar_event_record ON calendar_event (record_id) WHERE record_id IS NOT NULL;
CREATE INDEX calendar_event_organizer ON calendar_event (organizer_email) WHERE organizer_email IS NOT NULL;
CREATE INDEX calendar_event_series ON calendar_event (calendar_id, uid) WHERE expanded IS NOT NULL;
CREATE INDEX calendar_event_override ON calendar_event (calendar_id, uid) WHERE recurrence_key <> '';

CREATE TABLE calendar_attendee (
    event_id bigint NOT NULL REFERENCES calendar_event ON DELETE CASCADE,
    ord int NOT NULL,
    address text NOT NULL,
    email text,
    cn text,
    role text,
    partstat text,
    cutype text,
    rsvp boolean,
    params jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (event_id, ord)
);
CREATE INDEX calendar_attendee_email ON calendar_attendee (email) INCLUDE (event_id, partstat);

CREATE TABLE calendar_alarm (
    event_id bigint NOT NULL REFERENCES calendar_event ON DELETE CASCADE,
    ord int NOT NULL,
    action text,
    trigger_rel text CHECK (trigger_rel IN ('START', 'END')),
    trigger_offset interval,
    trigger_at timestamptz,
    repeat_count int,
    repeat_every interval,
    summary text,
    description text,
    props jsonb NOT NULL,
    issues text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (event_id, ord)
);

CREATE TABLE calendar_recurrence_date (
    event_id bigint NOT NULL REFERENCES calendar_event ON DELETE CASCADE,
    ord int NOT NULL,
    kind text NOT NULL CHECK (kind IN ('RDATE', 'EXDATE')),
    on_date date,
    at_local timestamp,
    tzid text,
    at timestamptz,
    period_end timestamptz,
    PRIMARY KEY (event_id, ord),
    CHECK ((on_date IS NULL) <> (at_local IS NULL))
);

CREATE TABLE calendar_occurrence (
    series_id bigint NOT NULL REFERENCES calendar_event ON DELETE CASCADE,
    recurrence_key text NOT NULL,
    event_id bigint NOT NULL REFERENCES calendar_event ON DELETE CASCADE,
    calendar_id bigint NOT NULL,
    all_day boolean NOT NULL,
    start_date date NOT NULL,
    end_date date NOT NULL,
    start_local timestamp NOT NULL,
    tz text NOT NULL,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL,
    during tstzrange GENERATED ALWAYS AS
        (tstzrange(start_at, end_at, CASE WHEN start_at = end_at THEN '[]' ELSE '[)' END)) STORED,
    is_busy boolean NOT NULL,
    basis text NOT NULL CHECK (basis IN ('date', 'utc', 'zoned', 'floating', 'unresolved')),
    PRIMARY KEY (series_id, recurrence_key),
    CHECK (end_at >= start_at),
    CHECK (end_date >= start_date)
);
CREATE INDEX calendar_occurrence_during ON calendar_occurrence USING gist (during);
CREATE INDEX calendar_occurrence_start ON calendar_occurrence (start_at);
CREATE INDEX calendar_occurrence_event ON calendar_occurrence (event_id);

CREATE TABLE calendar_quarantine (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    calendar_id bigint NOT NULL REFERENCES calendar ON DELETE CASCADE,
    import_id bigint NOT NULL,
    component text NOT NULL,
    uid text,
    line_no bigint NOT NULL,
    raw bytea NOT NULL,
    raw_len bigint NOT NULL,
    raw_sha256 bytea NOT NULL,
    copies int NOT NULL DEFAULT 1,
    stage text NOT NULL,
    error text NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now(),
    resolved_at timestamptz,
    UNIQUE (calendar_id, raw_sha256)
);

CREATE UNLOGGED TABLE calendar_seen (
    calendar_id bigint NOT NULL,
    export_id bigint NOT NULL,
    uid text NOT NULL,
    recurrence_key text NOT NULL,
    PRIMARY KEY (calendar_id, export_id, uid, recurrence_key)
);

CREATE VIEW calendar_agenda AS
SELECT o.calendar_id, c.cal_key, o.series_id, o.recurrence_key, o.event_id, e.uid, e.record_id, e.kind,
    e.summary, e.location, e.description, e.status, e.class, e.organizer_email, e.organizer_cn,
    o.all_day, o.start_date, o.end_date, o.start_local, o.tz, o.start_at, o.end_at, o.during, o.is_busy, o.basis
FROM calendar_occurrence o
JOIN calendar_event e USING (event_id)
JOIN calendar c ON c.calendar_id = o.calendar_id
WHERE e.deleted_at IS NULL;

CREATE VIEW calendar_busy AS
SELECT a.email, o.calendar_id, o.series_id, o.recurrence_key, o.event_id, o.start_at, o.end_at, o.during
FROM calendar_occurrence o
JOIN calendar_attendee a USING (event_id)
JOIN calendar_event e USING (event_id)
WHERE o.is_busy AND e.deleted_at IS NULL AND a.email IS NOT NULL AND a.partstat IS DISTINCT FROM 'DECLINED'
UNION
SELECT e.organizer_email, o.calendar_id, o.series_id, o.recurrence_key, o.event_id, o.start_at, o.end_at, o.during
FROM calendar_occurrence o
JOIN calendar_event e USING (event_id)
WHERE o.is_busy AND e.deleted_at IS NULL AND e.organizer_email IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM calendar_attendee a
        WHERE a.event_id = e.event_id AND a.email = e.organizer_email AND a.partstat = 'DECLINED');

CREATE VIEW calendar_conflict AS
SELECT a.email, a.event_id, a.recurrence_key, b.event_id AS other_event_id, b.recurrence_key AS other_recurrence_key,
    a.during * b.during AS overlap, a.during, b.during AS other_during
FROM calendar_busy a
JOIN calendar_busy b ON b.email = a.email AND b.during && a.during
    AND (b.series_id, b.recurrence_key) > (a.series_id, a.recurrence_key);

CREATE VIEW calendar_property AS
SELECT e.event_id, e.calendar_id, e.uid, e.recurrence_key, p.ord,
    p.line ->> 0 AS name, p.line -> 1 AS params, p.line ->> 2 AS value
FROM calendar_event e
CROSS JOIN LATERAL jsonb_array_elements(e.props) WITH ORDINALITY AS p (line, ord)
WHERE e.deleted_at IS NULL;

CREATE VIEW calendar_health AS
SELECT calendar_id, 'issue' AS kind, issue AS what, count(*) AS events
FROM calendar_event CROSS JOIN LATERAL unnest(issues) AS issue
WHERE deleted_at IS NULL
GROUP BY calendar_id, issue
UNION ALL
SELECT calendar_id, 'expansion', expansion, count(*)
FROM calendar_event
WHERE deleted_at IS NULL AND expansion NOT IN ('none', 'ok')
GROUP BY calendar_id, expansion
UNION ALL
SELECT calendar_id, 'orphan', 'override without its series', count(*)
FROM calendar_event
WHERE deleted_at IS NULL AND kind = 'orphan'
GROUP BY calendar_id
UNION ALL
SELECT e.calendar_id, 'unresolved zone', e.start_tzid, count(*)
FROM calendar_event e
WHERE e.deleted_at IS NULL AND e.time_kind = 'unresolved'
GROUP BY e.calendar_id, e.start_tzid
UNION ALL
SELECT calendar_id, 'quarantine', stage, sum(copies)
FROM calendar_quarantine
WHERE resolved_at IS NULL
GROUP BY calendar_id, stage;

COMMENT ON TABLE calendar IS 'One calendar: what was imported under one key.';
COMMENT ON COLUMN calendar.cal_key IS 'The name the calendar was imported under.';
COMMENT ON COLUMN calendar.tzid IS 'X-WR-TIMEZONE as written.';
COMMENT ON COLUMN calendar.default_tz IS 'The zone that places dates and floating times on the time line.';
COMMENT ON COLUMN calendar.props IS 'The calendar''s own lines as [[name, [[parameter, [values]]], value], ..].';
COMMENT ON COLUMN calendar.raw IS 'The calendar''s own lines, unfolded, as they came.';
COMMENT ON COLUMN calendar.full_at IS 'The moment of the last complete full export; nothing older changes anything.';
COMMENT ON COLUMN calendar.horizon IS 'The days that the newest import listed occurrences of.';
COMMENT ON COLUMN calendar.parser_version IS 'The parser that the typed columns were derived with.';
COMMENT ON COLUMN calendar.tzdata_version IS 'The time zone data that instants were computed with.';
COMMENT ON TABLE calendar_import IS 'One stream of ICS that was loaded.';
COMMENT ON COLUMN calendar_import.snapshot_at IS 'The moment the export was made, on the exporter''s clock.';
COMMENT ON COLUMN calendar_import.scope IS 'full: what is absent was deleted; window: absence means nothing.';
COMMENT ON COLUMN calendar_import.complete IS 'Whether every calendar of the stream was closed.';
COMMENT ON TABLE calendar_timezone IS 'What each TZID means, and the VTIMEZONEs that came with the events.';
COMMENT ON COLUMN calendar_timezone.method IS 'The step of the search that decided; unresolved: nobody knows the zone.';
COMMENT ON COLUMN calendar_timezone.resolved IS 'An IANA name or an offset; empty where the VTIMEZONE itself decides.';
COMMENT ON COLUMN calendar_timezone.sha256 IS 'Of the VTIMEZONE in raw; empty without one.';
COMMENT ON TABLE calendar_event IS 'One VEVENT. raw is the truth, every other column is derived from it.';
COMMENT ON COLUMN calendar_event.recurrence_key IS 'RECURRENCE-ID: UTC, a date, or a wall time; empty for a series or single event.';
COMMENT ON COLUMN calendar_event.record_id IS 'The Zoho record id in the UID: joins the Events module.';
COMMENT ON COLUMN calendar_event.kind IS 'single, series, override of an occurrence, or orphan: an override without series.';
COMMENT ON COLUMN calendar_event.this_and_future IS 'The override counts for all later occurrences too.';
COMMENT ON COLUMN calendar_event.time_kind IS 'How much is known of the start; only utc and zoned have an instant.';
COMMENT ON COLUMN calendar_event.start_date IS 'First day of an all-day event.';
COMMENT ON COLUMN calendar_event.end_date IS 'The day after the last day of an all-day event.';
COMMENT ON COLUMN calendar_event.start_local IS 'The event''s own wall clock (UTC for UTC times).';
COMMENT ON COLUMN calendar_event.start_tzid IS 'The zone as written.';
COMMENT ON COLUMN calendar_event.start_at IS 'The instant, where it is known; never guessed.';
COMMENT ON COLUMN calendar_event.duration IS 'DURATION as given.';
COMMENT ON COLUMN calendar_event.is_busy IS 'TRANSP is not TRANSPARENT and it is not cancelled.';
COMMENT ON COLUMN calendar_event.rrule_extra IS 'Further RRULEs and EXRULEs.';
COMMENT ON COLUMN calendar_event.expansion IS 'none, ok, capped (the earliest are listed), refused (only the start is).';
COMMENT ON COLUMN calendar_event.expanded IS 'The days that occurrences of the series were listed for.';
COMMENT ON COLUMN calendar_event.last_end_at IS 'When it is over; empty for a series that goes on or whose end nobody counted.';
COMMENT ON COLUMN calendar_event.raw IS 'The unfolded lines, each ended by CR LF, in the bytes of the stream.';
COMMENT ON COLUMN calendar_event.content_sha256 IS 'Of what makes a change: the lines without DTSTAMP, and the zones used.';
COMMENT ON COLUMN calendar_event.timezone_sha256 IS 'The VTIMEZONEs in calendar_timezone that its times rest on.';
COMMENT ON COLUMN calendar_event.props IS 'Every line in order as [name, [[parameter, [values]]], value].';
COMMENT ON COLUMN calendar_event.issues IS 'What was wrong with it, in words that can be counted.';
COMMENT ON COLUMN calendar_event.snapshot_at IS 'The moment of the export that last changed the row.';
COMMENT ON COLUMN calendar_event.deleted_at IS 'The moment of the full export that no longer held it.';
COMMENT ON TABLE calendar_attendee IS 'One ATTENDEE line each, repeated addresses included.';
COMMENT ON COLUMN calendar_attendee.email IS 'In lower case.';
COMMENT ON TABLE calendar_alarm IS 'One VALARM each.';
COMMENT ON TABLE calendar_recurrence_date IS 'One value of an RDATE or EXDATE each.';
COMMENT ON TABLE calendar_occurrence IS 'What happens when: every single event, and each series within its horizon.';
COMMENT ON COLUMN calendar_occurrence.series_id IS 'The event it belongs to.';
COMMENT ON COLUMN calendar_occurrence.event_id IS 'The event that describes it: the series, or what overrides it here.';
COMMENT ON COLUMN calendar_occurrence.recurrence_key IS 'The original start; stays the same when the rule changes.';
COMMENT ON COLUMN calendar_occurrence.start_local IS 'The event''s own wall clock: UTC for UTC times, midnight for dates.';
COMMENT ON COLUMN calendar_occurrence.end_date IS 'The day after its last day.';
COMMENT ON COLUMN calendar_occurrence.tz IS 'The zone that the instants rest on.';
COMMENT ON COLUMN calendar_occurrence.basis IS 'What the instants rest on; date, floating, unresolved: on the default zone.';
COMMENT ON TABLE calendar_quarantine IS 'Components that could not become rows, with their text and the reason.';
COMMENT ON COLUMN calendar_quarantine.copies IS 'How often the same text stood in the last import that had it.';
COMMENT ON COLUMN calendar_quarantine.resolved_at IS 'When a good version of the same UID came.';
COMMENT ON TABLE calendar_seen IS 'Identities that the pages of a full export have shown so far.';
COMMENT ON VIEW calendar_agenda IS 'Occurrences with what happens: the view to read a week from.';
COMMENT ON VIEW calendar_busy IS 'Who is busy when: attendees who have not declined, and organizers.';
COMMENT ON VIEW calendar_conflict IS 'Double bookings of one person, each pair once.';
COMMENT ON VIEW calendar_property IS 'Every property of every event, X- properties included.';
COMMENT ON VIEW calendar_health IS 'What is wrong with the calendars, counted.';
