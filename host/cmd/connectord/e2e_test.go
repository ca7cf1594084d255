//go:build !race

package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	"github.com/connectorhost/connectorhost/host/internal/pgserver/pgtest"
	"github.com/connectorhost/connectorhost/host/internal/proctest"
)

// programs is the folder that the programs under test were built into.
var programs string

// Files that are not for the race detector only drive programs, which are built without
// it: it would find nothing in them.
func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "connectord-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = dir
	for name, pkg := range map[string]string{
		"connectord": ".", "plugin-smartpay": "../../../plugin-smartpay",
		"smartpay-sandbox":   "../../../plugin-smartpay/cmd/smartpay-sandbox",
		"plugin-reference":   "../../../conformance/reference/cmd/plugin-reference",
		"reference-provider": "../../../conformance/reference/cmd/reference-provider",
	} {
		if err := build(filepath.Join(dir, name), pkg); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return pgtest.Main(m).Run()
}

func build(to, pkg string, flags ...string) error {
	args := append([]string{"build", "-o", to}, flags...)
	if out, err := exec.Command("go", append(args, pkg)...).CombinedOutput(); err != nil {
		return fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// running is a connectord dev that a test started.
type running struct {
	ready
	merchant
	cmd *exec.Cmd
	out *journal // standard output
	log *journal // standard error
	// pids are the processes that it started.
	pids []int
}

// A journal keeps what a process prints.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// startDev starts connectord dev on dir, with more flags, and waits for its ready file.
func startDev(t *testing.T, dir string, flags ...string) *running {
	t.Helper()
	r, file := beginDev(t, dir, flags...)
	r.complete(t, file)
	return r
}

// beginDev starts connectord dev, which will write the file when it is ready.
func beginDev(t *testing.T, dir string, flags ...string) (r *running, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "ready.json")
	r = &running{out: &journal{}, log: &journal{}}
	flags = append([]string{
		"dev", "--listen", "127.0.0.1:0", "--data-dir", dir, "--ready-file", file, "--sweep", "1s",
	}, flags...)
	r.cmd = exec.Command(filepath.Join(programs, "connectord"), flags...)
	r.cmd.Stdout, r.cmd.Stderr = r.out, r.log
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.end(t, syscall.SIGTERM) })
	return r, file
}

// complete waits for the ready file and takes note of what it says.
func (r *running) complete(t *testing.T, file string) {
	t.Helper()
	r.await(t, file)
	key, err := os.ReadFile(r.APIKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	token, err := api.Sign(key, []string{"*.read", "*.write"}, time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r.merchant = merchant{url: r.APIURL, token: token}
	r.pids = children(t, r.cmd.Process.Pid)
}

// await polls for the ready file: it is written by another process.
func (r *running) await(t *testing.T, file string) {
	t.Helper()
	eventually(t, 20*time.Second, "connectord dev is ready", func() error {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &r.ready)
	})
}

// end sends a signal and waits until the process has ended.
func (r *running) end(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if r.cmd.ProcessState != nil {
		return
	}
	if err := r.cmd.Process.Signal(signal); err != nil {
		t.Error(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = r.cmd.Wait() // how it ended is in ProcessState
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		_ = r.cmd.Process.Kill() // it is being reported already
		<-ended
		t.Errorf("connectord did not end within 20 s of %v", signal)
	}
}

// eventually tries something that another process brings about.
func eventually(t *testing.T, bound time.Duration, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %s: %v", bound, what, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// children lists the live descendants of a process.
func children(t *testing.T, pid int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	byParent := map[int][]int{}
	for _, stat := range stats {
		raw, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended meanwhile
		}
		_, after, _ := bytes.Cut(raw, []byte(") "))
		columns := strings.Fields(string(after))
		if len(columns) < 2 || columns[0] == "Z" {
			continue
		}
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		parent, _ := strconv.Atoi(columns[1])
		byParent[parent] = append(byParent[parent], child)
	}
	var all []int
	for next := byParent[pid]; len(next) > 0; {
		all = append(all, next...)
		var deeper []int
		for _, p := range next {
			deeper = append(deeper, byParent[p]...)
		}
		next = deeper
	}
	return all
}

func (r *running) create(t *testing.T) (id, page string) {
	t.Helper()
	var made map[string]any
	if err := r.call(t.Context(), http.MethodPost, "/transactions", examplePayment(shop), &made); err != nil {
		t.Fatal(err)
	}
	id, _ = made["id"].(string)
	page, _ = at(made, "payment_method.approval_url").(string)
	return id, page
}

// approved makes a payment whose buyer has approved it.
func (r *running) approved(t *testing.T) string {
	t.Helper()
	id, page := r.create(t)
	client := http.Client{CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if req.URL.Host == "shop.example" {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := client.Get(page + "?auto=approve")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return id
}

func TestDevSaysWhereEverythingIs(t *testing.T) {
	dir := t.TempDir()
	r := startDev(t, dir)
	for name, url := range map[string]string{
		"api": r.APIURL + "/transactions", "admin": r.AdminURL + "/healthz", "sandbox": r.SandboxURL + "/_sandbox/healthz",
	} {
		res, err := http.Get(url)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		res.Body.Close()
	}
	if r.ConsoleURL != r.AdminURL+"/console" || r.DataDir != dir {
		t.Errorf("console is %s and data dir %s", r.ConsoleURL, r.DataDir)
	}
	raw, err := os.ReadFile(r.APIKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if ec, ok := key.(*ecdsa.PrivateKey); !ok || ec.Curve != elliptic.P521() {
		t.Errorf("key is %T, want P-521", key)
	}
	for _, file := range []string{r.APIKeyFile, r.AdminTokenFile, filepath.Join(dir, "master.key"), filepath.Join(dir, "host.db")} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others (%v, %v)", filepath.Base(file), info.Mode(), err)
		}
	}
}

func TestKilledHostLeavesNothingBehindAndLosesNothing(t *testing.T) {
	dir := t.TempDir()
	r := startDev(t, dir)
	if len(r.pids) != 2 {
		t.Fatalf("connectord has %d children, want the connector and the sandbox", len(r.pids))
	}
	id := r.approved(t)
	capture := fields{"amount": 2000}
	if err := r.call(t.Context(), http.MethodPost, "/transactions/"+id+"/capture", capture, nil); err != nil {
		t.Fatal(err)
	}
	waiting, _ := r.create(t)
	before, waitingBefore := r.get(t, id), r.get(t, waiting)
	r.end(t, syscall.SIGKILL)
	eventually(t, 5*time.Second, "no process is left", func() error {
		for _, pid := range r.pids {
			if proctest.Runs(pid) {
				return fmt.Errorf("process %d is alive", pid)
			}
		}
		return nil
	})
	again := startDev(t, dir)
	after := again.get(t, id)
	if !bytes.Equal(before, after) {
		t.Errorf("the payment was\n%s\nand is now\n%s", before, after)
	}
	if err := again.call(t.Context(), http.MethodPost, "/transactions/"+id+"/refunds", fields{"amount": 500}, nil); err != nil {
		t.Errorf("refund after the restart: %v", err)
	}
	if after := again.get(t, waiting); !bytes.Equal(waitingBefore, after) {
		t.Errorf("the payment that waits for its buyer was\n%s\nand is now\n%s", waitingBefore, after)
	}
}

// get reads a payment, but for the time of its last change, which a late webhook moves.
func (r *running) get(t *testing.T, id string) []byte {
	t.Helper()
	var payment map[string]any
	if err := r.call(t.Context(), http.MethodGet, "/transactions/"+id, nil, &payment); err != nil {
		t.Fatal(err)
	}
	delete(payment, "updated_at")
	raw, err := json.Marshal(payment)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// operate calls the operators' API.
func (r *running) operate(t *testing.T, method, path string, body io.Reader) (int, map[string]any) {
	t.Helper()
	token, err := os.ReadFile(r.AdminTokenFile)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, r.AdminURL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer
}

func (r *running) install(t *testing.T, file string) (int, map[string]any) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return r.operate(t, http.MethodPost, "/v1/releases", f)
}

func TestSwapUnderLoadFailsNoPayment(t *testing.T) {
	r := startDev(t, t.TempDir())
	other := filepath.Join(t.TempDir(), "plugin-smartpay")
	if err := build(other, "../../../plugin-smartpay", "-ldflags=-s -w"); err != nil {
		t.Fatal(err)
	}
	status, release := r.install(t, other)
	if status != http.StatusOK {
		t.Fatalf("installing: %d %v", status, release)
	}
	var (
		stop   atomic.Bool
		made   atomic.Int64
		failed = make(chan error, 64)
		shops  sync.WaitGroup
	)
	for range 8 {
		shops.Go(func() {
			for !stop.Load() {
				if err := r.call(context.Background(), http.MethodPost, "/transactions", examplePayment(shop), nil); err != nil {
					failed <- err
					return
				}
				made.Add(1)
			}
		})
	}
	first, _ := r.operate(t, http.MethodGet, "/v1/connectors/smartpay", nil)
	digest, _ := release["digest"].(string)
	status, report := r.operate(t, http.MethodPost, "/v1/connectors/smartpay/swap", strings.NewReader(`{"release":"`+digest+`"}`))
	if status != http.StatusOK || first != http.StatusOK {
		t.Errorf("swap: %d %v", status, report)
	}
	back, report := r.operate(t, http.MethodPost, "/v1/connectors/smartpay/rollback", nil)
	if back != http.StatusOK {
		t.Errorf("rollback: %d %v", back, report)
	}
	_, now := r.operate(t, http.MethodGet, "/v1/connectors/smartpay", nil)
	if now["digest"] == digest || now["state"] != "serving" {
		t.Errorf("after the rollback %v is %v", now["digest"], now["state"])
	}
	stop.Store(true)
	shops.Wait()
	close(failed)
	for err := range failed {
		t.Errorf("a payment failed: %v", err)
	}
	if made.Load() == 0 {
		t.Error("no payment was made meanwhile")
	}
	pids := children(t, r.cmd.Process.Pid)
	if len(pids) != 2 {
		t.Errorf("%d processes are left, want the connector and the sandbox", len(pids))
	}
}

func TestWhatIsNoConnectorIsRefusedAndTheOldOneServes(t *testing.T) {
	r := startDev(t, t.TempDir())
	for name, file := range map[string]string{
		"another program": filepath.Join(programs, "smartpay-sandbox"),
		"a text":          filepath.Join("e2e_test.go"),
	} {
		if status, answer := r.install(t, file); status < 400 || answer["error"] == "" {
			t.Errorf("%s: installed with %d %v", name, status, answer)
		}
	}
	if status, answer := r.operate(t, http.MethodPost, "/v1/connectors/smartpay/swap", strings.NewReader(`{"release":"9.9.9"}`)); status != http.StatusNotFound {
		t.Errorf("swap to what is not installed: %d %v", status, answer)
	}
	r.create(t)
}

func TestCrashedConnectorComesBack(t *testing.T) {
	r := startDev(t, t.TempDir())
	_, before := r.operate(t, http.MethodGet, "/v1/connectors/smartpay", nil)
	pid, _ := before["pid"].(float64)
	proctest.Signal(t, int(pid), syscall.SIGKILL)
	eventually(t, 10*time.Second, "payments are taken again", func() error {
		return r.call(t.Context(), http.MethodPost, "/transactions", examplePayment(shop), nil)
	})
	// A payment may have slipped through before the death was noticed.
	eventually(t, 10*time.Second, "another process serves", func() error {
		_, after := r.operate(t, http.MethodGet, "/v1/connectors/smartpay", nil)
		if after["state"] != "serving" || after["pid"] == before["pid"] || after["restarts"] != 1.0 {
			return fmt.Errorf("connector is %v with process %v after %v restarts", after["state"], after["pid"], after["restarts"])
		}
		return nil
	})
}

func TestSecretsStayOutOfFilesAndLogs(t *testing.T) {
	dir := t.TempDir()
	r := startDev(t, dir)
	const canary = "sk_test_CANARYcanary0123456789"
	err := r.call(t.Context(), http.MethodPost, "/payment-services", fields{
		"display_name": "second", "payment_service_definition_id": "smartpay-smartpay",
		"accepted_currencies": []string{"JPY"}, "accepted_countries": []string{"JP"}, "active": true,
		"fields": pairs(map[string]string{"secret_key": canary, "api_url": r.SandboxURL + "/v1"}),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.approved(t)
	for _, pid := range append(r.pids, r.cmd.Process.Pid) {
		for _, file := range []string{"cmdline", "environ"} {
			raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(raw, []byte(canary)) {
				t.Errorf("%s of process %d holds the secret", file, pid)
			}
		}
	}
	r.end(t, syscall.SIGTERM)
	if strings.Contains(r.log.String(), canary) {
		t.Error("the log holds the secret")
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte(canary)) {
			t.Errorf("%s holds the secret", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSecondHostOnTheSameDataIsRefused(t *testing.T) {
	dir := t.TempDir()
	startDev(t, dir)
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data-dir", dir}, &out, &errs)
	if code != exitFailed || !strings.Contains(errs.String(), "another host") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

func TestDemo(t *testing.T) {
	cmd := exec.Command(filepath.Join(programs, "connectord"), "demo")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !bytes.Contains(out, []byte("answers are as they should be.")) {
		t.Errorf("the demo ends with %q", out[max(0, len(out)-200):])
	}
}

func TestWrongUsage(t *testing.T) {
	tests := map[string]struct {
		args []string
		exit int
		says string
	}{
		"no such command":     {[]string{"surve"}, exitUsage, "surve"},
		"no such flag":        {[]string{"serve", "--lisen", "x"}, exitUsage, "--lisen"},
		"wrong environment":   {[]string{"serve", "--environment", "prod"}, exitUsage, "test"},
		"wrong public URL":    {[]string{"serve", "--public-url", "pay.example", "--data-dir", filepath.Join(os.TempDir(), "never-made")}, exitFailed, "public-url"},
		"address in no shape": {[]string{"serve", "--listen", "nowhere:x", "--data-dir", filepath.Join(os.TempDir(), "never-made")}, exitFailed, "merchants' listener"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(t.Context(), tt.args, &out, &errs); code != tt.exit {
				t.Errorf("exit %d, want %d", code, tt.exit)
			}
			if !strings.Contains(errs.String(), tt.says) || out.Len() > 0 {
				t.Errorf("says %q on standard error and %q on standard output, want %q on standard error", errs.String(), out.String(), tt.says)
			}
		})
	}
	if err := os.RemoveAll(filepath.Join(os.TempDir(), "never-made")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
