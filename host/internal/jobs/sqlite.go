package jobs

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/connectorhost/connectorhost/host/internal/store"
)

// sqliteJobs keeps jobs in a file that only this process has open.
//
// River works on the very connection that the store's changes are made on. With one of its
// own it would meet them at the file's lock, where whoever comes second sleeps and tries
// again; at this one they queue up. Each of its statements is short and holds the
// connection for no longer; it needs nothing that the store holds meanwhile.
type sqliteJobs struct {
	store.Database
	driver   *riversqlite.Driver
	inserter *river.Client[*sql.Tx]
	log      *slog.Logger
}

func openSQLite(d store.Database, c *river.Config) (database, error) {
	db := &sqliteJobs{Database: d, driver: riversqlite.New(d.Writer), log: c.Logger}
	var err error
	db.inserter, err = river.NewClient(db.driver, db.manner(c))
	return db, err
}

// manner is how River is used here: nobody else inserts, so there is nobody to listen to;
// and what is due later waits among what is available, since to move a job at its time
// costs as much as doing it.
func (db *sqliteJobs) manner(c *river.Config) *river.Config {
	c.PollOnly = true
	c.Hooks = []rivertype.Hook{near(0)}
	return c
}

func (db *sqliteJobs) migrate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, migrateBound)
	defer cancel()
	m, err := rivermigrate.New(db.driver, &rivermigrate.Config{Logger: db.log})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	// River's own steps may make the table anew, so this one comes after them every time.
	_, err = db.Writer.ExecContext(ctx, `CREATE INDEX IF NOT EXISTS river_job_subject
		ON river_job (args ->> '$.subject', kind) WHERE finalized_at IS NULL`)
	return err
}

// takeOver: whatever was being done was done by a process that is gone, and so is
// whoever led.
func (db *sqliteJobs) takeOver(ctx context.Context, _ string) error {
	for _, query := range []string{
		`UPDATE river_job SET state = 'available' WHERE state = 'running'`,
		`DELETE FROM river_leader`,
	} {
		if _, err := db.Writer.ExecContext(ctx, query); err != nil {
			return err
		}
	}
	return nil
}

func (db *sqliteJobs) insert(ctx context.Context, tx any, on []river.InsertManyParams, off []store.Job) error {
	own, ok := tx.(*sql.Tx)
	if !ok {
		return errOtherTransaction
	}
	if len(off) > 0 {
		names, err := named(off)
		if err != nil {
			return err
		}
		if _, err := own.ExecContext(ctx, `DELETE FROM river_job WHERE id IN (SELECT j.id FROM json_each(?1) AS n
			CROSS JOIN river_job AS j INDEXED BY river_job_subject ON j.args ->> '$.subject' = n.value ->> '$.subject'
			AND j.kind = n.value ->> '$.kind' AND j.finalized_at IS NULL
			WHERE coalesce(j.args ->> '$.key', '') = n.value ->> '$.key' AND j.state <> 'running')`, names); err != nil {
			return err
		}
	}
	if len(on) == 0 {
		return nil
	}
	_, err := db.inserter.InsertManyFastTx(ctx, own, on)
	return err
}

func (db *sqliteJobs) add(ctx context.Context, jobs []river.InsertManyParams) (int, error) {
	return db.inserter.InsertManyFast(ctx, jobs)
}

func (db *sqliteJobs) client(c *river.Config) (client, error) {
	return river.NewClient(db.driver, db.manner(c))
}

func (db *sqliteJobs) ask(ctx context.Context, query, arg string) ([]byte, error) {
	var answer []byte
	err := db.Readers.QueryRowContext(ctx, query, arg).Scan(&answer)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return answer, err
}

func (db *sqliteJobs) waiting() string {
	return `SELECT json_group_array(json_object('kind', kind, 'state', state, 'due', ` + sqliteTime("scheduled_at") + `,
		'began', ` + sqliteTime("attempted_at") + `, 'memory', json(metadata)))
		FROM river_job WHERE args ->> '$.subject' = ?1 AND finalized_at IS NULL`
}

func (db *sqliteJobs) cared() string {
	return `SELECT json_group_array(DISTINCT args ->> '$.subject') FROM river_job
		WHERE kind = ?1 ->> '$.kind' AND finalized_at IS NULL
		AND args ->> '$.subject' IN (SELECT value FROM json_each(?1, '$.subjects'))`
}

func (db *sqliteJobs) counts() string {
	return `SELECT json_group_array(json_object('kind', queue, 'state', condition, 'count', n)) FROM (
		SELECT queue, CASE WHEN state = 'running' THEN 'running'
			WHEN scheduled_at <= datetime('now', 'subsec') THEN 'due' ELSE 'waiting' END AS condition, count(*) AS n
		FROM river_job WHERE state IN ('available', 'running', 'scheduled', 'retryable') AND ?1 = '' GROUP BY 1, 2)`
}

// sqliteTime is a time of River's as JSON has it.
func sqliteTime(column string) string { return `strftime('%Y-%m-%dT%H:%M:%fZ', ` + column + `)` }
