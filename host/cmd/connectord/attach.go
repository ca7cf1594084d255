package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// An attaching host makes a connector serve that somebody else starts.
type attaching interface {
	// Attach waits for the connector and returns its name.
	Attach(ctx context.Context) (string, error)
	Connectors() []supervise.Status
}

// An attacher keeps a host attached to the connector that says in a file where it is.
// The host does it by itself while the connector stays what it was; the attacher begins,
// and begins again with one that has become another.
type attacher struct {
	host attaching
	file string
	out  io.Writer
}

// begin waits until the connector serves. One that may not serve is told about, and
// tried again when it is started again. The error is that of ctx.
func (a *attacher) begin(ctx context.Context) (string, error) {
	for {
		file := newWatcher(a.file)
		connector, err := a.host.Attach(ctx)
		if err == nil {
			a.say("attached to %s for debugging: no TLS, no confinement, and nobody but you starts or ends it", connector)
			return connector, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		a.say("not attached: %s; correct it and start it again", oneLine(err.Error()))
		if !file.await(ctx) {
			return "", ctx.Err()
		}
	}
}

// keep begins again whenever the connector was rejected for being another than it was,
// until ctx ends.
func (a *attacher) keep(ctx context.Context, connector string) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, is := range a.host.Connectors() {
			if is.Connector != connector || is.State != supervise.Rejected {
				continue
			}
			name, err := a.begin(ctx)
			if err != nil {
				return
			}
			connector = name
		}
	}
}

func (a *attacher) say(format string, args ...any) {
	fmt.Fprintf(a.out, "connectord: "+format+"\n", args...)
}
