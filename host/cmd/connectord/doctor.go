package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"text/tabwriter"

	"github.com/connectorhost/connectorhost/sdk/launch"
)

// doctorCmd says whether this machine and a running daemon are well.
type doctorCmd struct {
	operator `embed:""`
}

// Run checks what can be checked from outside. It fails if the daemon is not ready.
func (c *doctorCmd) Run(w *world) error {
	table := tabwriter.NewWriter(w.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(table, "system\t%s/%s, %d processors\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	for _, l := range launch.Layers(&launch.Confinement{}) {
		held := "not held"
		if l.Held {
			held = "held"
		}
		fmt.Fprintf(table, "%s\t%s: %s\n", l.Name, held, l.Note)
	}
	if os.Geteuid() == 0 {
		fmt.Fprintf(table, "user\troot: connectors can use root's files wherever files are not held, and its sockets wherever sockets are not\n")
	}
	_, readyErr := c.ask(w.ctx, http.MethodGet, "/readyz", nil)
	if readyErr == nil {
		fmt.Fprintf(table, "daemon\tready at %s\n", c.Admin)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if readyErr != nil {
		return fmt.Errorf("the daemon at %s is not ready: %w", c.Admin, readyErr)
	}
	return nil
}
