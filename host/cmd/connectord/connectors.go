package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/connectorhost/connectorhost/host"
	"github.com/connectorhost/connectorhost/host/internal/slot"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
)

// connectorsCmd is the operator's view of connectors.
type connectorsCmd struct {
	operator `embed:""`

	List     connectorsListCmd     `cmd:"" help:"List the connectors and what serves."`
	Show     connectorsShowCmd     `cmd:"" help:"Show one connector: process, capabilities, releases."`
	Install  connectorsInstallCmd  `cmd:"" help:"Install a binary as a release. Nothing that serves changes."`
	Certify  connectorsCertifyCmd  `cmd:"" help:"Put a certificate beside an installed release. It counts from the next start."`
	Activate connectorsActivateCmd `cmd:"" help:"Make an installed release serve where none of its connector is active."`
	Remove   connectorsRemoveCmd   `cmd:"" help:"Remove an installed release that is not in use."`
	Swap     connectorsSwapCmd     `cmd:"" help:"Make another installed release serve, without failing a call."`
	Rollback connectorsRollbackCmd `cmd:"" help:"Swap back to the release that served before."`
	Restart  connectorsRestartCmd  `cmd:"" help:"Replace the process by a new one of the same release."`
	Release  connectorsReleaseCmd  `cmd:"" help:"Let a quarantined connector start again."`
	Unpark   connectorsUnparkCmd   `cmd:"" help:"Let a call be made again under which the connector died more than once."`
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
		others, _ := answer["others"].([]any)
		for _, other := range others {
			state := cell(at(other, "state"))
			if at(other, "warm") == true {
				state += ", warm for a rollback"
			}
			fmt.Fprintf(t, "beside it\tgeneration %s, %s, %s\n", cell(at(other, "generation")), cell(at(other, "version")), state)
		}
		printParked(t, answer)
		printCertification(t, answer)
		releases, _ := answer["releases"].([]any)
		for _, r := range releases {
			fmt.Fprintf(t, "release\t%s %s, installed %s\n", cell(at(r, "version")), cell(at(r, "digest")), cell(at(r, "installed_at")))
			if at(r, "digest") == answer["digest"] {
				fmt.Fprintf(t, "offers\t%s\n", cell(at(r, "description.operations")))
			}
		}
		layers, _ := answer["layers"].([]any)
		for _, l := range layers {
			held := "not held: "
			if at(l, "held") == true {
				held = ""
			}
			fmt.Fprintf(t, "layer\t%s: %s%s\n", cell(at(l, "name")), held, cell(at(l, "note")))
		}
	})
}

type connectorsInstallCmd struct {
	File        string `arg:"" help:"The connector's binary." type:"existingfile"`
	Certificate string `help:"Its certificate. Default: FILE.cert, if there is one." placeholder:"FILE" type:"existingfile"`
}

// Run sends the binary and its certificate.
func (c *connectorsInstallCmd) Run(w *world, o *operator) error {
	cert, err := certificateOf(c.File, c.Certificate)
	if err != nil {
		return err
	}
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	raw, err := o.upload(w.ctx, "/v1/releases", cert, file)
	if err != nil {
		return err
	}
	return o.print(w, raw, func(t *tabwriter.Writer, answer map[string]any) {
		facts("name", "version", "digest", "installed_at")(t, answer)
		printCertification(t, answer)
	})
}

type connectorsSwapCmd struct {
	oneConnector
	Release   string `arg:"" help:"Version or digest of an installed release."`
	AllowLoss bool   `help:"Swap even if capabilities disappear."`
	RequestID string `help:"Name of this swap: asked for twice, it is done once. Default: a new one."`

	CanaryPercent *int          `help:"Share of the payments that try the release first. Default: as the host was set."`
	CanaryTime    time.Duration `help:"How long they try it." default:"5m"`
}

// Run swaps and tells how it went.
func (c *connectorsSwapCmd) Run(w *world, o *operator) error {
	order := map[string]any{"release": c.Release, "allow_loss": c.AllowLoss, "request_id": c.RequestID}
	if c.RequestID == "" {
		order["request_id"] = rand.Text()
	}
	if c.CanaryPercent != nil {
		order["canary_percent"], order["canary_for"] = *c.CanaryPercent, c.CanaryTime.String()
	}
	for {
		raw, err := o.send(w.ctx, http.MethodPost, c.path("/swap"), order)
		if err != nil {
			return err
		}
		var answer struct {
			UnderWay bool `json:"under_way"`
		}
		if err := json.Unmarshal(raw, &answer); err != nil {
			return fmt.Errorf("reading the answer: %w", err)
		}
		if !answer.UnderWay {
			return o.print(w, raw, printSwap)
		}
	}
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
			aboard, _ := at(s, "context.aboard").([]any)
			for _, f := range aboard {
				fmt.Fprintf(t, "\t\t\t\tin flight: %s %s of payment %s\n", cell(at(f, "kind")), cell(at(f, "operation")), cell(at(f, "payment")))
			}
			if parked := cell(at(s, "context.parked")); parked != "" {
				fmt.Fprintf(t, "\t\t\t\tparked: %s\n", parked)
			}
			lines, _ := at(s, "context.exit.last_lines").([]any)
			for _, line := range lines {
				fmt.Fprintf(t, "\t\t\t\t| %s\n", cell(line))
			}
		}
	})
}

// policy is the settings of what connectors may take, and what new releases must stand.
type policy struct {
	BakeTime      time.Duration `help:"How long a replaced release is kept warm, to take over again if the new one does worse. 0: not at all." default:"10m"`
	CanaryPercent int           `help:"Share of the payments that try a release before it serves." default:"0"`
	CanaryTime    time.Duration `help:"How long they try it." default:"5m"`

	RollbackMinCalls int           `help:"Calls of a new release before it is compared with the old one." default:"50"`
	RollbackUnknown  int           `help:"How many more of 1000 writes may end in doubt. -1: any number." default:"20"`
	RollbackFaults   int           `help:"How many more of 1000 calls may end in a fault of the connector. -1: any number." default:"50"`
	RollbackMix      int           `help:"How many more of 1000 calls may end in any other kind of error. -1: any number." default:"300"`
	RollbackSlower   int           `help:"How long nine of ten calls may take, in percent of the old release's time. -1: any time." default:"300"`
	RollbackSlowerBy time.Duration `help:"And at least how much longer." default:"250ms"`

	ConnectorConcurrency int           `help:"Calls at once on one connector." default:"512"`
	ConnectorQueue       int           `help:"Calls that may wait for one of them to end. -1: none." default:"512"`
	ConnectorWait        time.Duration `help:"How long they wait." default:"1s"`
	ConnectorRate        int           `help:"Calls in a second on one connector. 0: any number." default:"0"`

	Isolation        string   `help:"What keeps connectors in: ${enum}. best: what the system offers. required: a connector does not run without the layers of --isolation-layers." enum:"off,best,required" default:"best"`
	IsolationLayers  []string `help:"Layers that are required; doctor lists them all. Default: ${isolation_layers}." placeholder:"NAME,…"`
	IsolationRead    []string `help:"Files and directories that connectors may read beside what programs need. Repeatable." placeholder:"PATH" type:"path"`
	IsolationCgroup  string   `help:"Delegated control group in which those of connectors are made. Default: the host's own." placeholder:"DIR" type:"path"`
	Egress           []string `help:"Address that connectors may call beyond what their manifests list. Repeatable." placeholder:"HOST:PORT"`
	ConnectorMemory  int64    `help:"Bound of one connector's memory, in MiB. -1: none." default:"512"`
	ConnectorThreads int      `help:"Bound of one connector's threads and processes. -1: none." default:"256"`
}

func (p policy) config() host.Policy {
	return host.Policy{
		Bake: p.BakeTime,
		Isolation: host.Isolation{
			Mode: p.Isolation, Layers: p.IsolationLayers, Read: p.IsolationRead, Cgroup: p.IsolationCgroup,
			Egress: p.Egress, Memory: max(p.ConnectorMemory, -1) << 20, Threads: p.ConnectorThreads,
		},
		Bounds: supervise.Bounds{
			MinCalls: p.RollbackMinCalls, Unknown: p.RollbackUnknown, Faults: p.RollbackFaults, Mix: p.RollbackMix,
			Slower: p.RollbackSlower, SlowerBy: p.RollbackSlowerBy,
		},
		Trial: supervise.Trial{Percent: p.CanaryPercent, For: p.CanaryTime},
		Limits: slot.Limits{
			Concurrency: p.ConnectorConcurrency, Queue: p.ConnectorQueue, Wait: p.ConnectorWait, Rate: p.ConnectorRate,
		},
	}
}

type connectorsActivateCmd struct {
	oneConnector
	Release string `arg:"" help:"Version or digest of an installed release."`
}

// Run activates and tells how the connector is.
func (c *connectorsActivateCmd) Run(w *world, o *operator) error {
	raw, err := o.send(w.ctx, http.MethodPost, c.path("/activate"), map[string]any{"release": c.Release})
	if err != nil {
		return err
	}
	return o.print(w, raw, facts("connector", "state", "version", "pid"))
}

type connectorsRemoveCmd struct {
	Digest string `arg:"" help:"Digest of an installed release, or the beginning of one."`
}

// Run removes the one release that the digest begins.
func (c *connectorsRemoveCmd) Run(w *world, o *operator) error {
	digest, err := wholeDigest(w, o, c.Digest)
	if err != nil {
		return err
	}
	raw, err := o.send(w.ctx, http.MethodDelete, "/v1/releases/"+segment(digest), nil)
	if err != nil {
		return err
	}
	return o.print(w, raw, facts("removed"))
}

// wholeDigest is the digest that was meant. One that names no release that can be read
// may still name a damaged one.
func wholeDigest(w *world, o *operator, begins string) (string, error) {
	raw, err := o.ask(w.ctx, http.MethodGet, "/v1/releases", nil)
	if err != nil {
		return "", err
	}
	var installed struct {
		Items []struct{ Digest string } `json:"items"`
	}
	if err := json.Unmarshal(raw, &installed); err != nil {
		return "", fmt.Errorf("reading the answer: %w", err)
	}
	found := begins
	for _, r := range installed.Items {
		switch {
		case !strings.HasPrefix(r.Digest, begins):
		case found != begins:
			return "", fmt.Errorf("more than one release has a digest that begins with %s", begins)
		default:
			found = r.Digest
		}
	}
	return found, nil
}

type connectorsUnparkCmd struct {
	oneConnector
	Subject string `arg:"" help:"What is parked, as connectors show names it."`
}

// Run unparks and tells what still is parked.
func (c *connectorsUnparkCmd) Run(w *world, o *operator) error {
	raw, err := o.send(w.ctx, http.MethodPost, c.path("/unpark"), map[string]any{"subject": c.Subject})
	if err != nil {
		return err
	}
	return o.print(w, raw, func(t *tabwriter.Writer, answer map[string]any) {
		facts("connector", "state")(t, answer)
		printParked(t, answer)
	})
}

// printParked prints a line a call that is parked.
func printParked(t *tabwriter.Writer, answer map[string]any) {
	parked, _ := answer["parked"].([]any)
	for _, p := range parked {
		fmt.Fprintf(t, "parked\t%s: %s of payment %s, in flight at %s deaths, the last %s\n", cell(at(p, "subject")),
			cell(at(p, "kind")), cell(at(p, "payment")), cell(at(p, "deaths")), cell(at(p, "last")))
	}
}
