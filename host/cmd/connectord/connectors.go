package main

import (
	"fmt"
	"net/http"
	"os"
	"text/tabwriter"
)

// connectorsCmd is the operator's view of connectors.
type connectorsCmd struct {
	operator `embed:""`

	List     connectorsListCmd     `cmd:"" help:"List the connectors and what serves."`
	Show     connectorsShowCmd     `cmd:"" help:"Show one connector: process, capabilities, releases."`
	Install  connectorsInstallCmd  `cmd:"" help:"Install a binary as a release. Nothing that serves changes."`
	Swap     connectorsSwapCmd     `cmd:"" help:"Make another installed release serve, without failing a call."`
	Rollback connectorsRollbackCmd `cmd:"" help:"Swap back to the release that served before."`
	Restart  connectorsRestartCmd  `cmd:"" help:"Replace the process by a new one of the same release."`
	Release  connectorsReleaseCmd  `cmd:"" help:"Let a quarantined connector start again."`
	History  connectorsHistoryCmd  `cmd:"" help:"Tell what happened to a connector, and why."`
}

type connectorsListCmd struct{}

// Run prints a line a connector.
func (c *connectorsListCmd) Run(w *world, o *operator) error {
	raw, err := o.ask(w.ctx, http.MethodGet, "/v1/connectors", nil)
	if err != nil {
		return err
	}
	return o.print(w, raw, list("connector", "state", "version", "digest", "pid", "in_flight", "restarts", "cause"))
}

// oneConnector names the connector that a command is about.
type oneConnector struct {
	Name string `arg:"" help:"Name of the connector."`
}

func (c oneConnector) path(rest string) string { return "/v1/connectors/" + segment(c.Name) + rest }

type connectorsShowCmd struct{ oneConnector }

// Run prints everything about the connector.
func (c *connectorsShowCmd) Run(w *world, o *operator) error {
	raw, err := o.ask(w.ctx, http.MethodGet, c.path(""), nil)
	if err != nil {
		return err
	}
	return o.print(w, raw, func(t *tabwriter.Writer, answer map[string]any) {
		facts("connector", "state", "since", "cause", "version", "digest", "generation", "pid", "in_flight", "restarts",
			"last_exit.reason", "last_exit.at")(t, answer)
		releases, _ := answer["releases"].([]any)
		for _, r := range releases {
			fmt.Fprintf(t, "release\t%s %s, installed %s\n", cell(at(r, "version")), cell(at(r, "digest")), cell(at(r, "installed_at")))
			if at(r, "digest") == answer["digest"] {
				fmt.Fprintf(t, "offers\t%s\n", cell(at(r, "description.operations")))
			}
		}
		guarantees, _ := answer["guarantees"].([]any)
		for _, g := range guarantees {
			held := "not held: "
			if at(g, "held") == true {
				held = ""
			}
			fmt.Fprintf(t, "guarantee\t%s: %s%s\n", cell(at(g, "name")), held, cell(at(g, "note")))
		}
	})
}

type connectorsInstallCmd struct {
	File string `arg:"" help:"The connector's binary." type:"existingfile"`
}

// Run sends the binary.
func (c *connectorsInstallCmd) Run(w *world, o *operator) error {
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	raw, err := o.ask(w.ctx, http.MethodPost, "/v1/releases", file)
	if err != nil {
		return err
	}
	return o.print(w, raw, facts("name", "version", "digest", "installed_at"))
}

type connectorsSwapCmd struct {
	oneConnector
	Release   string `arg:"" help:"Version or digest of an installed release."`
	AllowLoss bool   `help:"Swap even if capabilities disappear."`
}

// Run swaps and tells how it went.
func (c *connectorsSwapCmd) Run(w *world, o *operator) error {
	raw, err := o.send(w.ctx, http.MethodPost, c.path("/swap"), map[string]any{"release": c.Release, "allow_loss": c.AllowLoss})
	if err != nil {
		return err
	}
	return o.print(w, raw, printSwap)
}

// printSwap tells what a swap did.
func printSwap(t *tabwriter.Writer, report map[string]any) {
	if report["unchanged"] == true {
		fmt.Fprintln(t, "it serves already; nothing was done")
		return
	}
	facts("from.version", "from.digest", "to.version", "to.digest", "lost", "left")(t, report)
	for _, name := range []string{"start", "drain"} {
		ns, _ := report[name].(float64)
		fmt.Fprintf(t, "%s\t%.1f ms\n", name, ns/1e6)
	}
}

type connectorsRollbackCmd struct{ oneConnector }

// Run swaps back and tells how it went.
func (c *connectorsRollbackCmd) Run(w *world, o *operator) error { return c.post(w, o, "/rollback") }

type connectorsRestartCmd struct{ oneConnector }

// Run replaces the process and tells how it went.
func (c *connectorsRestartCmd) Run(w *world, o *operator) error { return c.post(w, o, "/restart") }

func (c oneConnector) post(w *world, o *operator, what string) error {
	raw, err := o.send(w.ctx, http.MethodPost, c.path(what), nil)
	if err != nil {
		return err
	}
	return o.print(w, raw, printSwap)
}

type connectorsReleaseCmd struct{ oneConnector }

// Run ends the quarantine.
func (c *connectorsReleaseCmd) Run(w *world, o *operator) error {
	raw, err := o.send(w.ctx, http.MethodPost, c.path("/end-quarantine"), nil)
	if err != nil {
		return err
	}
	return o.print(w, raw, facts("connector", "state", "version", "pid"))
}

type connectorsHistoryCmd struct {
	oneConnector
	Limit int `help:"How many steps, newest first." default:"50"`
}

// Run prints a line a step.
func (c *connectorsHistoryCmd) Run(w *world, o *operator) error {
	raw, err := o.ask(w.ctx, http.MethodGet, c.path(fmt.Sprintf("/history?limit=%d", c.Limit)), nil)
	if err != nil {
		return err
	}
	return o.print(w, raw, func(t *tabwriter.Writer, answer map[string]any) {
		steps, _ := answer["items"].([]any)
		for _, s := range steps {
			fmt.Fprintf(t, "%s\tgeneration %s\t%s\t%s\t%s\n", cell(at(s, "at")), cell(at(s, "context.generation")),
				cell(at(s, "name")), cell(at(s, "context.version")), cell(at(s, "context.cause")))
			if reason := cell(at(s, "context.exit.reason")); reason != "" {
				fmt.Fprintf(t, "\t\t\t\t%s\n", reason)
			}
			lines, _ := at(s, "context.exit.last_lines").([]any)
			for _, line := range lines {
				fmt.Fprintf(t, "\t\t\t\t| %s\n", cell(line))
			}
		}
	})
}
