package launch

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/go-hclog"

	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/internal/link"
)

// patience is for what must happen and takes as long as the machine takes.
const patience = 60 * time.Second

const secret = "correct-horse-battery-staple"

func selfPath(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// config starts the test binary in a role, with time enough for a busy machine.
func config(t *testing.T, role string) Config {
	t.Helper()
	return Config{
		Path: selfPath(t), RuntimeDir: runtimeDir(t), Env: childEnv(role),
		StartTimeout: patience, DescribeTimeout: patience, StopTimeout: 3 * time.Second,
	}
}

// runtimeDir is short enough for sockets, which t.TempDir is not under a long name.
func runtimeDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lt") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("left in the runtime directory: %v, %v", left, err)
		}
		os.RemoveAll(dir)
	})
	return dir
}

func start(t *testing.T, c Config) *Plugin {
	t.Helper()
	p, err := Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, p) })
	return p
}

func stop(t *testing.T, p *Plugin) {
	t.Helper()
	if err := p.Stop(context.Background()); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

func void(ctx context.Context, p *Plugin, command string) (sdk.VoidResult, error) {
	return p.Void(ctx, sdk.VoidRequest{Order: sdk.OrderRef(command), Call: sdk.Call{
		OperationID: "op-1", Key: "key-1", Attempt: 1, PaymentID: "pay-1", Reference: "ref1",
		Account: sdk.Account{
			ID: "acc-1", Revision: 1, Mode: sdk.ModeTest,
			Secrets: map[string]sdk.Secret{"secret_key": sdk.NewSecret(secret)},
		},
	}})
}

func mustVoid(t *testing.T, p *Plugin, command string) sdk.VoidResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result, err := void(ctx, p, command)
	if err != nil {
		t.Fatalf("void %s: %v", command, err)
	}
	return result
}

func done(t *testing.T, p *Plugin) Exit {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(patience):
		t.Fatalf("process %d did not exit", p.PID())
	}
	return p.Exit()
}

// eventually waits for what the system does in its own time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, ok := strings.Cut(string(stat), ") ")
	return ok && !strings.HasPrefix(rest, "Z")
}

// A logbook is a log whose entries can be waited for.
type logbook struct {
	mu      sync.Mutex
	entries []map[string]any
	more    chan struct{}
}

func newLogbook() *logbook { return &logbook{more: make(chan struct{}, 1)} }

func (b *logbook) logger() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Output: b, JSONFormat: true, Level: hclog.Trace})
}

func (b *logbook) Write(p []byte) (int, error) {
	var entry map[string]any
	if err := json.Unmarshal(p, &entry); err != nil {
		entry = map[string]any{"@message": fmt.Sprintf("broken entry %q: %v", p, err)}
	}
	b.mu.Lock()
	b.entries = append(b.entries, entry)
	b.mu.Unlock()
	select {
	case b.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (b *logbook) all() []map[string]any {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.entries)
}

// wait returns the first entry with the message.
func (b *logbook) wait(t *testing.T, message string) map[string]any {
	t.Helper()
	deadline := time.After(patience)
	for {
		for _, entry := range b.all() {
			if entry["@message"] == message {
				return entry
			}
		}
		select {
		case <-b.more:
		case <-deadline:
			t.Fatalf("never logged: %q", message)
		}
	}
}

func TestStartCallStop(t *testing.T) {
	p := start(t, config(t, "connector"))
	if got := p.Description(); got.Manifest.Name != "stage" || !slices.Equal(got.Operations, sdk.Operations{sdk.OpVoid}) {
		t.Errorf("described as %q with %v, want stage with void", got.Manifest.Name, got.Operations)
	}
	if !alive(p.PID()) {
		t.Errorf("process %d is not alive", p.PID())
	}
	if got := mustVoid(t, p, "ok"); got.Outcome != sdk.OutcomeSucceeded {
		t.Errorf("outcome %s, want %s", got.Outcome, sdk.OutcomeSucceeded)
	}
	if _, err := p.Refund(t.Context(), sdk.RefundRequest{}); sdk.AsError(err).Code != sdk.CodeOperationUnsupported {
		t.Errorf("an operation that it lacks gives %v, want %s", err, sdk.CodeOperationUnsupported)
	}
	stop(t, p)
	if exit := done(t, p); exit.Code != 0 || exit.Signal != nil || !exit.Stopped || exit.Err != nil {
		t.Errorf("exit %+v, want a clean one that was asked for", exit)
	}
	_, err := void(t.Context(), p, "ok")
	if got := sdk.AsError(err); got.Outcome() != sdk.OutcomeNotAttempted || got.Code != sdk.CodePluginUnavailable {
		t.Errorf("a call after Stop gives %v, want %s", err, sdk.CodePluginUnavailable)
	}
}

func TestDigest(t *testing.T) {
	p := start(t, config(t, "connector"))
	c := config(t, "connector")
	c.SHA256 = strings.ToUpper(p.Digest())
	if again := start(t, c); again.Digest() != p.Digest() {
		t.Errorf("digest %s, want %s", again.Digest(), p.Digest())
	}
}

func TestEnvironmentIsClean(t *testing.T) {
	t.Setenv("HOST_SECRET", "hunter2")
	c := config(t, "connector")
	c.Env = append(c.Env, "GOMEMLIMIT=1GiB")
	p := start(t, c)
	got := map[string]string{}
	for line := range strings.Lines(mustVoid(t, p, "environment").Provider.Message) {
		variable, err := strconv.Unquote(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		name, value, _ := strings.Cut(variable, "=")
		got[name] = value
	}
	dir := got["TMPDIR"]
	if filepath.Dir(dir) != c.RuntimeDir {
		t.Errorf("TMPDIR is %s, want it in %s", dir, c.RuntimeDir)
	}
	if !strings.HasPrefix(got["PLUGIN_CLIENT_CERT"], "-----BEGIN CERTIFICATE-----") {
		t.Errorf("PLUGIN_CLIENT_CERT is %q, want a certificate", got["PLUGIN_CLIENT_CERT"])
	}
	delete(got, "PLUGIN_CLIENT_CERT")
	want := map[string]string{
		"PATH": searchPath, "TMPDIR": dir, "wd": dir, "PLUGIN_UNIX_SOCKET_DIR": dir,
		"CONNECTOR_LIFELINE": "stdin", "CONNECTOR_PLUGIN": link.CookieValue,
		"PLUGIN_PROTOCOL_VERSIONS": "1", "PLUGIN_MIN_PORT": "10000", "PLUGIN_MAX_PORT": "25000",
		"GOMEMLIMIT": "1GiB", "GORACE": "atexit_sleep_ms=0", roleKey: "connector",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestStartErrors(t *testing.T) {
	tests := map[string]struct {
		role   string
		change func(*Config)
		want   Reason
		says   string
	}{
		"no such file":              {"", func(c *Config) { c.Path = "/nonexistent" }, ReasonBinary, "no such file"},
		"another digest":            {"connector", func(c *Config) { c.SHA256 = strings.Repeat("0", 64) }, ReasonDigest, "want 0000"},
		"a variable of ours":        {"connector", func(c *Config) { c.Env = []string{"PLUGIN_MIN_PORT=1"} }, ReasonHost, "set by the host"},
		"a variable without value":  {"connector", func(c *Config) { c.Env = []string{"GOMEMLIMIT"} }, ReasonHost, "KEY=VALUE"},
		"directory is a file":       {"connector", func(c *Config) { c.RuntimeDir = c.Path }, ReasonHost, "not a directory"},
		"exits at once":             {"exits", nil, ReasonExited, "exit code 4"},
		"panics at once":            {"panics", nil, ReasonExited, "exit code 2"},
		"prints before":             {"greets", nil, ReasonHandshake, `it printed "Hello from a connector!"`},
		"closes its output":         {"closes its output", nil, ReasonHandshake, "closed its standard output"},
		"never ends its first line": {"never ends its line", nil, ReasonHandshake, "longer than 8192 bytes"},
		"never shakes hands": {
			"silent", func(c *Config) { c.StartTimeout = 500 * time.Millisecond }, ReasonTimeout, "waiting for the handshake",
		},
		"speaks another contract":      {"speaks another contract", nil, ReasonContract, "contract version 99, this host [1]"},
		"listens on TCP":               {"listens on TCP", nil, ReasonHandshake, "instead of a Unix socket"},
		"points to another socket":     {"points elsewhere", nil, ReasonHandshake, "instead of a Unix socket in"},
		"is not protected":             {"has no certificate", nil, ReasonHandshake, "would not be protected"},
		"has a false certificate":      {"has a false certificate", nil, ReasonHandshake, "its certificate"},
		"speaks another protocol":      {"speaks net/rpc", nil, ReasonHandshake, "instead of grpc"},
		"has an unusable manifest":     {"unusable", nil, ReasonExited, "exit code 1"},
		"serves something else":        {"empty", nil, ReasonDescribe, "Unimplemented"},
		"never describes itself":       {"mute", func(c *Config) { c.DescribeTimeout = 500 * time.Millisecond }, ReasonDescribe, "deadline_exceeded"},
		"is no program of this system": {"connector", func(c *Config) { c.Path = nonsense(t) }, ReasonBinary, "exec format error"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := config(t, tt.role)
			if tt.change != nil {
				tt.change(&c)
			}
			_, err := Start(t.Context(), c)
			failed, ok := errors.AsType[*StartError](err)
			if !ok {
				t.Fatalf("Start = %v, want a StartError", err)
			}
			if failed.Reason != tt.want || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v; want %s with %q", failed.Reason, err, tt.want, tt.says)
			}
		})
	}
}

func nonsense(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("\x7fELF nonsense"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestStartErrorKeepsTheLastWords(t *testing.T) {
	tests := map[string]struct{ role, says string }{
		"of a program that exits":  {"exits", "no licence found"},
		"of a program that panics": {"panics", "panic: no configuration"},
		"of a refused manifest":    {"unusable", "lower-case letters, digits and hyphens"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Start(t.Context(), config(t, tt.role))
			failed, ok := errors.AsType[*StartError](err)
			if !ok || !strings.Contains(strings.Join(failed.LastLines, "\n"), tt.says) {
				t.Errorf("%v with last lines %q, want %q among them", err, failed.LastLines, tt.says)
			}
		})
	}
}

func TestStartOfACallerThatGivesUp(t *testing.T) {
	book := newLogbook()
	c := config(t, "silent")
	c.Logger = book.logger()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := Start(ctx, c)
		ended <- err
	}()
	book.wait(t, "taking my time")
	cancel()
	select {
	case err := <-ended:
		if failed, ok := errors.AsType[*StartError](err); !ok || failed.Reason != ReasonCanceled || !errors.Is(err, context.Canceled) {
			t.Errorf("Start = %v, want %s", err, ReasonCanceled)
		}
	case <-time.After(patience):
		t.Fatal("Start did not come back")
	}
}

// A teller is a Remote that says something else about itself.
type teller struct {
	sdk.Remote
	says sdk.Description
}

func (t teller) Describe(context.Context) (sdk.Description, error) { return t.says, nil }

func TestDescriptionIsJudged(t *testing.T) {
	good := func() sdk.Description {
		return sdk.Description{Manifest: new(stage).Describe(), Operations: sdk.Operations{sdk.OpVoid}}
	}
	tests := map[string]struct {
		spoil func(*sdk.Description)
		want  Reason
	}{
		"good":                  {func(*sdk.Description) {}, ""},
		"of the past":           {func(d *sdk.Description) { d.Manifest.Contract = sdk.ContractRange{} }, ReasonContract},
		"of the future":         {func(d *sdk.Description) { d.Manifest.Contract = sdk.ContractRange{Min: 2, Max: 9} }, ReasonContract},
		"without a name":        {func(d *sdk.Description) { d.Manifest.Name = "" }, ReasonDescribe},
		"with a path as a name": {func(d *sdk.Description) { d.Manifest.Name = "../etc" }, ReasonDescribe},
		"without a version":     {func(d *sdk.Description) { d.Manifest.Version = "" }, ReasonDescribe},
		"that can do nothing":   {func(d *sdk.Description) { d.Operations = nil }, ReasonDescribe},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := good()
			tt.spoil(&d)
			_, err := describe(t.Context(), teller{says: d}, Config{}.withDefaults())
			var got Reason
			if f, ok := errors.AsType[*failure](err); ok {
				got = f.reason
			}
			if got != tt.want {
				t.Errorf("reason %q (%v), want %q", got, err, tt.want)
			}
		})
	}
}

func TestLargeAnswerIsRefused(t *testing.T) {
	c := config(t, "connector")
	c.MaxReply = 64 << 10
	p := start(t, c)
	_, err := void(t.Context(), p, "size 100000")
	if got := sdk.AsError(err); err == nil || got.Outcome() != sdk.OutcomeUnknown {
		t.Errorf("an answer above the limit gives %v, want it in doubt", err)
	}
	mustVoid(t, p, "size 1000")
}

func TestLogsArrive(t *testing.T) {
	book := newLogbook()
	c := config(t, "connector")
	c.Logger = book.logger()
	p := start(t, c)
	mustVoid(t, p, "log")
	mustVoid(t, p, "print")
	call := map[string]any{"payment_id": "pay-1", "operation_id": "op-1", "account": "acc-1"}
	tests := map[string]struct {
		level string
		extra map[string]any
		call  bool
	}{
		"at debug":             {"debug", nil, true},
		"at info":              {"info", map[string]any{"amount": 500.0, "http.status": 201.0}, true},
		"at warn":              {"warn", nil, true},
		"at error":             {"error", map[string]any{"error": "why", "part": "x"}, true},
		"without a call":       {"info", nil, false},
		"printed to os.Stdout": {"debug", map[string]any{"stream": "stdout"}, false},
		"printed to os.Stderr": {"debug", nil, false},
	}
	for message, tt := range tests {
		t.Run(message, func(t *testing.T) {
			got := book.wait(t, message)
			want := map[string]any{"@level": tt.level, "@message": message}
			for key, value := range tt.extra {
				want[key] = value
			}
			if tt.call {
				for key, value := range call {
					want[key] = value
				}
			}
			delete(got, "@timestamp")
			delete(got, "time")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSecretsDoNotReachTheLog(t *testing.T) {
	book := newLogbook()
	c := config(t, "connector")
	c.Logger = book.logger()
	p := start(t, c)
	mustVoid(t, p, "leak")
	book.wait(t, "leaked all")
	eventually(t, "all four careless prints arrive", func() bool {
		masked := 0
		for _, entry := range book.all() {
			if message, _ := entry["@message"].(string); message == "printed [secret]" || message == "raw [secret]" {
				masked++
			}
		}
		return masked == 4
	})
	stop(t, p)
	text, err := json.Marshal(book.all())
	if err != nil {
		t.Fatal(err)
	}
	if all := string(text) + strings.Join(p.Exit().LastLines, "\n"); strings.Contains(all, secret) {
		t.Errorf("the secret arrived in the log:\n%s", all)
	}
}

func TestHostileOutputHoldsNobody(t *testing.T) {
	for _, what := range []string{
		"number for a message", "null for a level", "lines of a megabyte", "no end of line", "binary",
		"standard output", "flood", "deep nesting",
	} {
		t.Run(what, func(t *testing.T) {
			book := newLogbook()
			c := config(t, "connector")
			c.Logger = book.logger()
			p := start(t, c)
			mustVoid(t, p, "spew "+what)
			mustVoid(t, p, "ok")
			mustVoid(t, p, "spew "+what)
			mustVoid(t, p, "ok")
			stop(t, p)
			if exit := done(t, p); exit.Code != 0 {
				t.Errorf("%v, want it to have survived its own output", exit)
			}
			for _, entry := range book.all() {
				if message, _ := entry["@message"].(string); strings.HasPrefix(message, "broken entry") {
					t.Error(message)
				}
			}
		})
	}
}

func TestHostKilledLeavesNoConnector(t *testing.T) {
	dir := t.TempDir()
	host := exec.CommandContext(t.Context(), selfPath(t))
	host.Env = append(os.Environ(), roleKey+"=host", "LAUNCH_TEST_DIR="+dir)
	host.Stderr = os.Stderr
	stdout, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the host did not start its connector: %v", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || !alive(pid) {
		t.Fatalf("the host says %q, want the id of a living process", line)
	}
	if err := syscall.Kill(host.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	host.Wait()
	eventually(t, "the connector dies with its host", func() bool { return !alive(pid) })

	if removed, err := CleanRuntimeDir(dir, ""); removed != 1 || err != nil {
		t.Errorf("CleanRuntimeDir = %d, %v, want the one directory left behind", removed, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left after cleaning: %v, %v", left, err)
	}
}

func TestLayersOfAnyConnector(t *testing.T) {
	for _, l := range Layers(nil) {
		if want := l.Name != "confined"; l.Held != want || l.Note == "" {
			t.Errorf("%s: held %v with note %q, want %v and a note", l.Name, l.Held, l.Note, want)
		}
	}
}
