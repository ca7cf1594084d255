package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alecthomas/kong"

	"github.com/connectorhost/connectorhost/host/internal/jobs"
	"github.com/connectorhost/connectorhost/host/internal/store"
)

// dbCmd works on a database itself, whether a daemon runs or not.
type dbCmd struct {
	database `embed:""`

	Migrate dbMigrateCmd `cmd:"" help:"Bring the database to this program's schema. A daemon does so when it starts."`
	Check   dbCheckCmd   `cmd:"" help:"Derive every payment anew from its ledger, and say what the database has otherwise."`
	Export  dbExportCmd  `cmd:"" help:"Write everything but secrets as lines of JSON, as of one moment."`
}

// database says which one.
type database struct {
	location `embed:""`
	DataDir  string `help:"Where the host keeps its data." default:"data" type:"path"`
}

// AfterApply hands the flags to the subcommands.
func (d *database) AfterApply(k *kong.Context) error {
	k.Bind(d)
	return nil
}

func (d database) path() string { return filepath.Join(d.DataDir, "host.db") }

// inspect opens it for reading, for as long as look takes.
func (d database) inspect(w *world, look func(*store.Inspector) error) error {
	url, err := d.url()
	if err != nil {
		return err
	}
	var i *store.Inspector
	if url.Empty() {
		i, err = store.InspectSQLite(w.ctx, d.path())
	} else {
		i, err = store.InspectPostgres(w.ctx, url.Reveal())
	}
	if err != nil {
		return err
	}
	return errors.Join(look(i), i.Close(w.ctx))
}

type dbMigrateCmd struct{}

// Run migrates.
func (dbMigrateCmd) Run(w *world, d *database) error {
	url, err := d.url()
	if err != nil {
		return err
	}
	var from, to int
	if url.Empty() {
		from, to, err = store.MigrateSQLite(w.ctx, d.path(), jobs.Migrate)
	} else {
		from, to, err = store.MigratePostgres(w.ctx, url.Reveal(), jobs.Migrate)
	}
	if err != nil {
		return err
	}
	if from == to {
		fmt.Fprintf(w.stdout, "schema version %d: nothing to do\n", to)
	} else {
		fmt.Fprintf(w.stdout, "schema version %d, was %d\n", to, from)
	}
	return nil
}

type dbCheckCmd struct {
	Output string `help:"How to print: ${enum}." enum:"text,json" default:"text"`
}

// Run prints what it finds, and fails if that is anything.
func (c *dbCheckCmd) Run(w *world, d *database) error {
	return d.inspect(w, func(i *store.Inspector) error {
		differences := 0
		payments, err := i.Check(w.ctx, func(found store.Difference) error {
			differences++
			if c.Output == "json" {
				return json.NewEncoder(w.stdout).Encode(found)
			}
			_, err := fmt.Fprintln(w.stdout, found)
			return err
		})
		if err != nil {
			return err
		}
		if c.Output == "json" {
			err = json.NewEncoder(w.stdout).Encode(map[string]int{"payments": payments, "differences": differences})
		} else {
			_, err = fmt.Fprintf(w.stdout, "%d payments checked, %d differences\n", payments, differences)
		}
		if err == nil && differences > 0 {
			err = fmt.Errorf("%d differences: lists may leave out or show wrongly what the ledgers know; what counts, the ledgers, is as it was written", differences)
		}
		return err
	})
}

type dbExportCmd struct {
	Out string `help:"Write to this file, which must not exist yet. Default: standard output." placeholder:"FILE" type:"path"`
}

// Run exports. A file that it could not finish is removed.
func (c *dbExportCmd) Run(w *world, d *database) error {
	return d.inspect(w, func(i *store.Inspector) error {
		if c.Out == "" {
			return export(w, i, w.stdout)
		}
		file, err := os.OpenFile(c.Out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if err = errors.Join(export(w, i, file), file.Sync(), file.Close()); err != nil {
			err = errors.Join(err, os.Remove(c.Out))
		}
		return err
	})
}

func export(w *world, i *store.Inspector, to io.Writer) error {
	out := bufio.NewWriter(to)
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	err := i.Export(w.ctx, func(e store.Export) error { return lines.Encode(e) })
	return errors.Join(err, out.Flush())
}
