package jobs

import (
	"context"
	"errors"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/connectorhost/connectorhost/host/internal/store"
)

// postgresJobs keeps jobs in a database that many hosts share. They tell each other of new
// jobs by LISTEN and NOTIFY, and one of them leads: it moves what has become due and takes
// dead hosts' jobs from them.
type postgresJobs struct {
	pool     *pgxpool.Pool
	driver   *riverpgxv5.Driver
	inserter *river.Client[pgx.Tx]
	log      *slog.Logger
}

func openPostgres(pool *pgxpool.Pool, c *river.Config) (database, error) {
	db := &postgresJobs{pool: pool, driver: riverpgxv5.New(pool), log: c.Logger}
	var err error
	db.inserter, err = river.NewClient(db.driver, db.manner(c))
	return db, err
}

// manner is how River is used here: what is due soon is not left to the leader, who looks
// every few seconds.
func (db *postgresJobs) manner(c *river.Config) *river.Config {
	c.Hooks = []rivertype.Hook{near(soon)}
	return c
}

// migrationLock is the number of the advisory lock under which one host migrates.
const migrationLock = 0x6a6f6273 // "jobs"

func (db *postgresJobs) migrate(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, migrateBound)
	defer cancel()
	m, err := rivermigrate.New(db.driver, &rivermigrate.Config{Logger: db.log})
	if err != nil {
		return err
	}
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1, hashtext(current_schema()))`, migrationLock); err != nil {
		return err
	}
	defer func() {
		_, unlocked := conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1, hashtext(current_schema()))`, migrationLock)
		err = errors.Join(err, unlocked)
	}()
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	// Even to find that the index is there, CREATE INDEX wants the table's owner. A host may
	// be somebody who owns nothing, where an operator has migrated.
	_, err = conn.Exec(ctx, `DO $$ BEGIN
		IF to_regclass('river_job_subject') IS NULL THEN
			CREATE INDEX river_job_subject ON river_job ((args ->> 'subject'), kind) WHERE finalized_at IS NULL;
		END IF; END $$`)
	return err
}

// takeOver: a host runs once at a time, so what an earlier run was doing nobody does. The
// names of runs begin with the host's.
func (db *postgresJobs) takeOver(ctx context.Context, host string) error {
	if host == "" {
		return nil
	}
	for _, query := range []string{
		`UPDATE river_job SET state = 'available' WHERE state = 'running'
			AND starts_with(attempted_by[array_upper(attempted_by, 1)], $1)`,
		`DELETE FROM river_leader WHERE starts_with(leader_id, $1)`,
	} {
		if _, err := db.pool.Exec(ctx, query, host+"/"); err != nil {
			return err
		}
	}
	return nil
}

func (db *postgresJobs) insert(ctx context.Context, tx any, on []river.InsertManyParams, off []store.Job) error {
	own, ok := tx.(pgx.Tx)
	if !ok {
		return errOtherTransaction
	}
	if len(off) > 0 {
		names, err := named(off)
		if err != nil {
			return err
		}
		// What somebody is taking at this moment is his: it is done, and finds nothing to do.
		if _, err := own.Exec(ctx, `DELETE FROM river_job WHERE id IN (SELECT j.id
			FROM json_to_recordset($1::json) AS n (kind text, subject text, key text)
			JOIN river_job AS j ON j.args ->> 'subject' = n.subject AND j.kind = n.kind AND j.finalized_at IS NULL
			WHERE coalesce(j.args ->> 'key', '') = n.key AND j.state <> 'running'
			ORDER BY j.id FOR UPDATE OF j SKIP LOCKED)`, string(names)); err != nil {
			return err
		}
	}
	if len(on) == 0 {
		return nil
	}
	_, err := db.inserter.InsertManyTx(ctx, own, on) // the faster way knows no duplicates
	return err
}

func (db *postgresJobs) add(ctx context.Context, jobs []river.InsertManyParams) (int, error) {
	results, err := db.inserter.InsertMany(ctx, jobs)
	added := 0
	for _, r := range results {
		if !r.UniqueSkippedAsDuplicate {
			added++
		}
	}
	return added, err
}

func (db *postgresJobs) client(c *river.Config) (client, error) {
	return river.NewClient(db.driver, db.manner(c))
}

func (db *postgresJobs) ask(ctx context.Context, query, arg string) ([]byte, error) {
	var answer []byte
	err := db.pool.QueryRow(ctx, query, arg).Scan(&answer)
	return answer, err
}

func (db *postgresJobs) waiting() string {
	return `SELECT coalesce(json_agg(json_build_object('kind', kind, 'state', state, 'due', scheduled_at,
		'began', attempted_at, 'memory', metadata)), '[]')
		FROM river_job WHERE args ->> 'subject' = $1 AND finalized_at IS NULL`
}

func (db *postgresJobs) cared() string {
	return `SELECT coalesce(json_agg(DISTINCT args ->> 'subject'), '[]') FROM river_job
		WHERE kind = $1::json ->> 'kind' AND finalized_at IS NULL
		AND args ->> 'subject' IN (SELECT json_array_elements_text($1::json -> 'subjects'))`
}

func (db *postgresJobs) counts() string {
	return `SELECT coalesce(json_agg(json_build_object('kind', queue, 'state', condition, 'count', n)), '[]') FROM (
		SELECT queue, CASE WHEN state = 'running' THEN 'running'
			WHEN scheduled_at <= now() THEN 'due' ELSE 'waiting' END AS condition, count(*) AS n
		FROM river_job WHERE state IN ('available', 'running', 'scheduled', 'retryable') AND $1::text = ''
		GROUP BY 1, 2) AS counted`
}
