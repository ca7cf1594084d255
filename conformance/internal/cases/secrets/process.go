package secrets

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/sdk"
)

// A person is who the canary buyer is: words that are in no other text.
var person = sdk.Contact{
	FirstName: "Quirinalia", LastName: "Zwetschgenbaum", Email: "quirinalia.zwetschgenbaum@canary.example",
}

var street = "Papageienallee 7193"

// A day is a connector's work in a process of its own: everything that it could have
// something to say about.
type day struct {
	process    suite.Process
	secrets    map[string]sdk.Secret
	signatures []string
}

// work starts a process for the lane and has it see good and bad: a payment, errors,
// echoes, webhooks and forgeries.
func work(ctx context.Context, l *suite.Lane) (*day, error) {
	process, err := l.Another(ctx)
	if err != nil {
		return nil, err
	}
	l.Use(process)
	d := &day{process: process, secrets: maps.Clone(l.Account.Secrets)}
	return d, d.spend(ctx, l)
}

func (d *day) spend(ctx context.Context, l *suite.Lane) error {
	if l.Description.Operations.Has(sdk.OpRegisterWebhook) && l.Can(sim.CanWebhooks) {
		sub, err := l.Subscribe(ctx)
		if err != nil {
			return err
		}
		d.secrets["signing secret"] = sub.Registration.Secret
		defer func() { d.signatures = append(d.signatures, d.read(ctx, sub)...) }()
	}
	if err := pay(ctx, l); err != nil {
		return err
	}
	for _, f := range []proxy.Fault{
		{What: proxy.Echo}, {What: proxy.Echo, Reply: proxy.Reply{Status: 500}}, {What: proxy.ResetBeforeHeaders}, {What: proxy.Instead, Reply: proxy.HTML(502)},
	} {
		if err := l.Break(f); err != nil {
			return err
		}
		for _, op := range []sdk.Operation{sdk.OpFindPayment, sdk.OpCheckCredentials, sdk.OpRefund} {
			if l.Description.Operations.Has(op) {
				_ = l.Invoke(ctx, op) // it is to fail, and the log to say so
			}
		}
		_ = pay(ctx, l) // so is this
		if err := l.Heal(); err != nil {
			return err
		}
	}
	return nil
}

// pay authorizes for the canary buyer and looks the payment up.
func pay(ctx context.Context, l *suite.Lane) error {
	cell, err := l.Cell(l.Description.Manifest.CaptureModes[0])
	if err != nil {
		return err
	}
	req, err := l.Authorization(cell, l.Amount())
	if err != nil {
		return err
	}
	for _, c := range []*sdk.Contact{req.Billing, req.Shipping} {
		if c == nil {
			continue
		}
		c.FirstName, c.LastName, c.Email = person.FirstName, person.LastName, person.Email
		if c.Address != nil {
			c.Address.Line1 = street
		}
	}
	p, err := l.OpenAs(ctx, cell, req)
	if err != nil {
		return fmt.Errorf("%w: authorizing: %w", suite.ErrBlocked, err)
	}
	if err := p.Finish(ctx); err != nil {
		return err
	}
	if l.Description.Operations.Has(sdk.OpFindPayment) {
		_, err = p.FindByReference(ctx)
	}
	return err
}

// read reads the first delivery, and one that is forged, and returns what could be its
// signature.
func (d *day) read(ctx context.Context, sub *suite.Subscription) []string {
	taken, err := sub.Deliveries(ctx, 1)
	if err != nil {
		return nil
	}
	_, _ = sub.Read(ctx, taken[0]) // what it means is not the matter
	forged := taken[0]
	forged.Body = append([]byte(" "), forged.Body...)
	_, _ = sub.Read(ctx, forged)
	var long []string
	for _, values := range taken[0].Headers {
		for _, v := range values {
			if len(v) >= 40 {
				long = append(long, v)
			}
		}
	}
	return long
}

// log is everything that the process has written, once it has ended.
func (d *day) log(ctx context.Context) ([]byte, error) {
	if err := d.process.Stop(ctx); err != nil {
		return nil, fmt.Errorf("%w: stopping: %w", suite.ErrBlocked, err)
	}
	return []byte(d.process.Said()), nil
}

var processUses = []sim.Ability{sim.CanBuyer}

var logged = suite.Case{
	ID: "secrets/not-logged", Requirement: "PC-SEC-006", Profile: suite.Core, Needs: needs, Sim: true, Uses: processUses, Process: true, Slow: true,
	Rule: "No secret, no signature and no query of a URL is in what a process writes, at any level.",
	Why:  "Logs are read by more people than keys are for, and kept for longer than keys live.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		mark := l.Mark()
		d, err := work(ctx, l)
		if err != nil {
			return err
		}
		text, err := d.log(ctx)
		if err != nil {
			return err
		}
		wrong := []error{hidden(l, "reading the log", text, d.secrets)}
		for _, signature := range d.signatures {
			if bytes.Contains(text, []byte(signature)) {
				wrong = append(wrong, suite.Brokenf("reading the log", "no signature", "one of %d characters", len(signature)))
			}
		}
		for _, x := range l.Since(mark).Exchanges {
			if _, query, _ := strings.Cut(x.Request.Target, "?"); len(query) > 8 && bytes.Contains(text, []byte(query)) {
				wrong = append(wrong, suite.Brokenf("reading the log", "no query of a URL", "%q", query))
			}
		}
		return errors.Join(wrong...)
	},
}

// quiet are the levels that are off unless somebody looks for a fault.
var quiet = []string{"[DEBUG]", "[TRACE]"}

var personalLogged = suite.Case{
	ID: "secrets/buyer-not-logged", Requirement: "PC-SEC-007", Profile: suite.Core, Needs: needs, Sim: true, Uses: processUses, Process: true, Slow: true,
	Rule: "No name, e-mail or street of a buyer's is in what a process writes at the levels that are on by default.",
	Why:  "A log with addresses in it is a register of persons, which somebody has to answer for.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		d, err := work(ctx, l)
		if err != nil {
			return err
		}
		text, err := d.log(ctx)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if slices.ContainsFunc(quiet, func(level string) bool { return strings.Contains(line, level) }) {
				continue
			}
			for _, word := range []string{person.FirstName, person.LastName, person.Email, street} {
				if strings.Contains(line, word) {
					return suite.Brokenf("reading the log", "no word of the buyer's", "%q", word)
				}
			}
		}
		return nil
	},
}

var processTable = suite.Case{
	ID: "secrets/not-in-process-table", Requirement: "PC-SEC-008", Profile: suite.Core, Needs: needs, Sim: true, Uses: processUses, Process: true, Slow: true,
	Rule: "No secret is in the arguments or the environment of the process, or of any that it starts.",
	Why:  "Everybody on the machine can list them.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		w := &watcher{seen: map[string]bool{}}
		process, err := l.Another(ctx)
		if err != nil {
			return err
		}
		l.Use(process)
		d := &day{process: process, secrets: maps.Clone(l.Account.Secrets)}
		watching, stop := context.WithCancel(ctx)
		var done sync.WaitGroup
		done.Go(func() { w.watch(watching, process.PID()) })
		err = d.spend(ctx, l)
		stop()
		done.Wait()
		if err != nil {
			return err
		}
		if len(w.seen) == 0 {
			return fmt.Errorf("%w: the system shows nothing of process %d", suite.ErrNotTestable, process.PID())
		}
		for text := range w.seen {
			if err := hidden(l, "listing processes", []byte(text), d.secrets); err != nil {
				return err
			}
		}
		return nil
	},
}

// A watcher keeps what the system shows of a process and of those that it starts. It
// belongs to one goroutine until that has ended.
type watcher struct{ seen map[string]bool }

// glance is how often the watcher looks.
const glance = 2 * time.Millisecond

func (w *watcher) watch(ctx context.Context, pid int) {
	look := time.NewTicker(glance)
	defer look.Stop()
	for {
		for _, p := range family(pid) {
			for _, what := range []string{"cmdline", "environ"} {
				if raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p), what)); err == nil && len(raw) > 0 {
					w.seen[string(bytes.ReplaceAll(raw, []byte{0}, []byte(" ")))] = true
				}
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// family are a process and those below it, as far as the system tells.
func family(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		if err != nil {
			continue
		}
		for _, path := range tasks {
			raw, err := os.ReadFile(path)
			if err != nil {
				continue // it has ended
			}
			for _, word := range strings.Fields(string(raw)) {
				if child, err := strconv.Atoi(word); err == nil {
					all = append(all, child)
				}
			}
		}
	}
	return all
}

var files = suite.Case{
	ID: "secrets/not-in-files", Requirement: "PC-SEC-009", Profile: suite.Core, Needs: needs, Sim: true, Uses: processUses, Process: true, Slow: true,
	Rule: "No secret is in a file that the process has open, or in the folder that it was given for its temporary files.",
	Why:  "Files outlive the process, and are in the backup.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		d, err := work(ctx, l)
		if err != nil {
			return err
		}
		pid := d.process.PID()
		paths, err := filesOf(pid)
		if err != nil {
			return err
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				continue // it has gone meanwhile
			}
			if err := hidden(l, "reading the process's file "+filepath.Base(path), text, d.secrets); err != nil {
				return err
			}
		}
		return nil
	},
}

// Bounds of the search in files.
const (
	maxFile  = 8 << 20
	maxFiles = 2000
)

// filesOf are the files of a process, by paths under which this one reads them: those
// that it has open, and those in its temporary folder.
func filesOf(pid int) ([]string, error) {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	open, err := filepath.Glob(filepath.Join(proc, "fd", "*"))
	if err != nil || len(open) == 0 {
		return nil, fmt.Errorf("%w: the system shows nothing that process %d has open", suite.ErrNotTestable, pid)
	}
	paths := slices.DeleteFunc(open, func(path string) bool { return !readable(path) })
	dir := temporary(proc)
	if dir == "" {
		return paths, nil
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && readable(path) && len(paths) < maxFiles {
			paths = append(paths, path)
		}
		return nil // what cannot be read is left out
	})
	return paths, err
}

func readable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Size() < maxFile
}

// temporary is the folder for temporary files that a process was given, as this one
// finds it; "" if it was given none.
func temporary(proc string) string {
	raw, err := os.ReadFile(filepath.Join(proc, "environ"))
	if err != nil {
		return ""
	}
	for variable := range strings.SplitSeq(string(raw), "\x00") {
		if dir, ok := strings.CutPrefix(variable, "TMPDIR="); ok {
			return filepath.Join(proc, "root", dir)
		}
	}
	return ""
}
