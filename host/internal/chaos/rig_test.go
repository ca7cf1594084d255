package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/host/api"
	"github.com/connectorhost/connectorhost/host/internal/pgserver"
	"github.com/connectorhost/connectorhost/host/internal/proctest"
)

// patience is how long a test waits for what must come. A crowd of thousands is longer on
// its way out.
var patience = 3 * time.Minute

// seed repeats a run: CHAOS_SEED, or one of this run's own.
var seed uint64

// total is what all verdicts of this run come to.
var total struct {
	sync.Mutex
	Verdict
	faults int
}

// programs is the folder that the programs under test were built into.
var programs string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

// buildAndRun builds the programs once, and sums up at the end.
func buildAndRun(m *testing.M) int {
	folder, err := os.MkdirTemp("", "chaos-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	programs = folder
	ports.Store(rand.Int64N(10000))
	if err := buildAll(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if seed, err = chosenSeed(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	flag.Parse()
	if os.Getenv("PAYMENTS") != "" {
		patience = 10 * time.Minute
	}
	if os.Getenv("CHAOS") == "" { // the short forms mostly wait
		if err := flag.Set("test.parallel", "6"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	code := m.Run()
	if total.Payments > 0 {
		fmt.Println(total.Line(total.faults, seed))
	}
	return code
}

func chosenSeed() (uint64, error) {
	text := os.Getenv("CHAOS_SEED")
	if text == "" {
		return rand.Uint64() >> 1, nil // short enough for a signed number
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("CHAOS_SEED: %w", err)
	}
	return seed, nil
}

func buildAll() error {
	return errors.Join(
		build("connectord", "host/cmd/connectord", "-tags", "failpoint"),
		build("plugin-smartpay", "plugin-smartpay", "-tags", "failpoint"),
		build("plugin-smartpay-next", "plugin-smartpay", "-tags", "failpoint", "-ldflags", "-s -w"),
		build("smartpay-sandbox", "plugin-smartpay/cmd/smartpay-sandbox"),
	)
}

// build makes a program of this module.
func build(name, pkg string, flags ...string) error {
	args := append([]string{"build", "-o", filepath.Join(programs, name)}, flags...)
	out, err := exec.Command("go", append(args, "../../../"+pkg)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return nil
}

func program(name string) string { return filepath.Join(programs, name) }

// chaos says how long a test is to be, and gives it its chance. CHAOS=1 runs the long
// form.
func chaos(t *testing.T, short, long int) (int, *rand.Rand) {
	t.Helper()
	t.Logf("CHAOS_SEED=%d", seed)
	if os.Getenv("CHAOS") != "" {
		short = long
	}
	return short, rand.New(rand.NewPCG(seed, seed))
}

// A process is a program that runs, or has ended.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

func start(program string, log *os.File, env []string, args ...string) (*process, error) {
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd, make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended is not of interest: most are killed
	}()
	return p, nil
}

func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends it at once and waits until it is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
}

// A world is one provider with its own file, and hosts that come and go. What tests ask
// of the world without naming a host they ask of its first.
type world struct {
	*host
	t       *testing.T
	dir     string // short: sockets are below it
	sandbox *process
	hosts   []*host

	database    *pgserver.Server // that hosts share; nil if one works alone
	databaseURL string
	shared      []string // flags of hosts that share it
	flags       []string // the test's own flags for every host

	sandboxURL       string
	token, secretKey string
	client           *http.Client
	log              *os.File
	faults           int // how often something was broken

	at500    atomic.Int64           // how often a merchant was answered 500,
	first500 atomic.Pointer[string] // and first to what
	chance   int                    // in per cent, that the provider misbehaves where it is told to; up to five times that
}

// emptyWorld is a world in which nothing runs yet.
func emptyWorld(t *testing.T, flags ...string) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "c-") //nolint:usetesting // its name is short enough for sockets below it
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, dir: dir, secretKey: "sk_test_0123456789abcdefghijkl", sandboxURL: address(t), flags: flags,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}, Timeout: 20 * time.Second},
	}
	if w.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	return w
}

// ports counts through those that tests of this process use, from a random one on.
var ports atomic.Int64

// address is a free port below those that the system gives to outgoing connections, so
// that a host that was killed finds it free again.
func address(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20000+ports.Add(1)%10000)
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return "http://" + addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

func (w *world) startSandbox() {
	w.t.Helper()
	ready := filepath.Join(w.dir, "sandbox.ready")
	var err error
	if err = os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		w.t.Fatal(err)
	}
	w.sandbox, err = start(program("smartpay-sandbox"), w.log, os.Environ(), "--listen", strings.TrimPrefix(w.sandboxURL, "http://"),
		"--ready-file", ready, "--state", filepath.Join(w.dir, "sandbox.state"), "--keys", w.secretKey)
	if err != nil {
		w.t.Fatal(err)
	}
	var told object
	w.await("the sandbox", func() error { return readJSON(ready, &told) })
}

func readJSON(file string, into any) error {
	raw, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// openShop gives a merchant a key and a payment service.
func (w *world) openShop() {
	w.t.Helper()
	private, kid, public, err := api.NewKeyPair()
	if err != nil {
		w.t.Fatal(err)
	}
	w.mustOperate(http.MethodPost, "/v1/keys", object{
		"id": kid, "public_key": public, "display_name": "shop", "scopes": []string{"*.read", "*.write"}, "merchant_accounts": []string{},
	})
	if w.token, err = api.Sign(private, []string{"*.read", "*.write"}, 48*time.Hour, time.Now().Add(-24*time.Hour)); err != nil {
		w.t.Fatal(err)
	}
	status, answer, err := w.merchant(w.t.Context(), http.MethodPost, "/payment-services", "", object{
		"display_name": "Smartpay", "payment_service_definition_id": "smartpay-smartpay",
		"accepted_currencies": []string{"JPY"}, "accepted_countries": []string{"JP"},
		"fields": []object{{"key": "secret_key", "value": w.secretKey}, {"key": "api_url", "value": w.sandboxURL + "/v1"}},
	})
	if err != nil || status >= 300 {
		w.t.Fatalf("making the payment service: %d %v %v\n%s", status, answer, err, w.lastLog())
	}
}

// end stops what runs. It shows the end of the log if the test has failed.
func (w *world) end() {
	running := []*process{w.sandbox}
	for _, h := range w.hosts {
		running = append(running, h.running())
	}
	for _, p := range running {
		if p != nil {
			p.kill()
		}
	}
	w.client.CloseIdleConnections()
	if w.t.Failed() {
		w.t.Logf("the end of the log:\n%s", w.lastLog())
	}
	if keep := os.Getenv("CHAOS_KEEP"); keep != "" && w.t.Failed() {
		w.t.Logf("everything is kept in %s", w.dir)
		return
	}
	if err := errors.Join(w.log.Close(), os.RemoveAll(w.dir)); err != nil {
		w.t.Error(err)
	}
}

func (w *world) lastLog() string {
	raw, err := os.ReadFile(w.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(raw, []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-40):], []byte("\n")))
}

// write replaces a file at once.
func (w *world) write(file, text string) {
	w.t.Helper()
	if err := errors.Join(os.WriteFile(w.dir+"/new", []byte(text), 0o600), os.Rename(w.dir+"/new", file)); err != nil {
		w.t.Fatal(err)
	}
}

// dieAtCall has a connector die at a call, "received" or "answering": the given process,
// or any for which "*" stands, at a request that holds a text. The order lies where a
// connector that is kept in can read it, also of those that start until it is called off.
func (w *world) dieAtCall(pid, moment, method, text string) (callOff func()) {
	w.t.Helper()
	order := fmt.Sprintln(pid, moment, method, text)
	place := func() (placed []string) {
		dirs, err := filepath.Glob(filepath.Join(w.dir, "*.tmp", "connectorhost-*"))
		if err != nil {
			w.t.Error(err)
		}
		for _, dir := range dirs {
			file := filepath.Join(dir, "connector-failpoint")
			if _, err := os.Stat(file); err == nil {
				placed = append(placed, file)
			} else if os.WriteFile(file+".new", []byte(order), 0o600) == nil && os.Rename(file+".new", file) == nil {
				placed = append(placed, file) // unless its connector has gone
			}
		}
		return placed
	}
	place()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-w.t.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
				place()
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
		for _, file := range place() {
			if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
				w.t.Error(err)
			}
		}
	}
}

// eventually tries something that other processes bring about.
func (w *world) eventually(what string, try func() error) error {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %s: %w", patience, what, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// await is eventually where nothing else will do.
func (w *world) await(what string, try func() error) {
	w.t.Helper()
	if err := w.eventually(what, try); err != nil {
		w.t.Fatal(err)
	}
}

// connectors are the processes that run a release of this world, whoever started them.
func (w *world) connectors() []int {
	w.t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		w.t.Fatal(err)
	}
	var pids []int
	for _, link := range links {
		file, err := os.Readlink(link)
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if err == nil && strings.HasPrefix(file, w.dir+"/data") && proctest.Runs(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// signal sends a signal to a process that this test has started, through the host.
func (w *world) signal(pid int, signal syscall.Signal) {
	w.t.Helper()
	proctest.Signal(w.t, pid, signal)
	w.faults++
}
