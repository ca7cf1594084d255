//go:build unix

package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/host"
	"github.com/connectorhost/connectorhost/sdk/certificate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// acmePay is the connector's program, built once. It is small, and nobody looks for races
// in it: a host reads it whole at every installation and every start.
var acmePay = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "acme-pay-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "acme-pay")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./testdata/acme-pay")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building: %w\n%s", err, out)
	}
	return os.ReadFile(path)
})

// program makes a connector's program. Two of different editions are two releases.
func program(t *testing.T, edition string) string {
	t.Helper()
	text, err := acmePay()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "acme-pay")
	if err := os.WriteFile(path, slices.Concat(text, []byte(edition)), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// patience is for what must happen and takes as long as the machine takes.
const patience = time.Minute

// A running host, as its operator sees it.
type running struct {
	*host.Host
	t      *testing.T
	log    *journal
	client *http.Client
	stop   context.CancelFunc
	ended  chan error
}

// A journal keeps what was logged.
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

// start runs a host on dir, which asks for no certificates, and waits until it is ready.
func start(t *testing.T, dir string, connectors ...string) *running {
	t.Helper()
	return startWith(t, host.Config{Connectors: host.Policy{Certification: certificate.Policy{Mode: certificate.Off}}}, dir, connectors...)
}

func startWith(t *testing.T, config host.Config, dir string, connectors ...string) *running {
	t.Helper()
	r := &running{t: t, log: &journal{}, ended: make(chan error, 1), client: &http.Client{
		Timeout: patience, Transport: &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	var err error
	config.DataDir, config.Log = dir, hclog.New(&hclog.LoggerOptions{Output: r.log})
	r.Host, err = host.New(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		r.ended <- r.Run(ctx, func() error {
			for _, file := range connectors {
				if err := r.EnsureConnector(ctx, file, nil); err != nil {
					return err
				}
			}
			close(ready)
			return nil
		})
	}()
	t.Cleanup(r.end)
	select {
	case <-ready:
	case err := <-r.ended:
		r.ended <- nil
		t.Fatalf("the host ended: %v\n%s", err, r.log)
	case <-time.After(patience):
		t.Fatalf("the host was not ready within %s", patience)
	}
	return r
}

// end stops the host and waits for it. It may be called again.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	r.client.CloseIdleConnections()
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Errorf("the host ended with %v", err)
		}
		r.ended <- nil
	case <-time.After(patience):
		r.t.Fatalf("the host did not end within %s", patience)
	}
}

// token reads the operators' token.
func (r *running) token() string {
	r.t.Helper()
	raw, err := os.ReadFile(r.AdminTokenFile())
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

// operate asks the operators' API.
func (r *running) operate(method, path string, body io.Reader) (int, map[string]any) {
	r.t.Helper()
	return r.operateAs(method, path, "", body)
}

func (r *running) operateAs(method, path, kind string, body io.Reader) (int, map[string]any) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.AdminURL()+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token())
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	answer := map[string]any{}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, answer
}

// want asks and fails the test unless the answer has the status.
func (r *running) want(status int, method, path, body string) map[string]any {
	r.t.Helper()
	got, answer := r.operate(method, path, strings.NewReader(body))
	if got != status {
		r.t.Fatalf("%s %s: %d %v, want %d", method, path, got, answer, status)
	}
	return answer
}

// install sends a program.
func (r *running) install(file string) (int, map[string]any) {
	r.t.Helper()
	f, err := os.Open(file)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	return r.operate(http.MethodPost, "/v1/releases", f)
}

// page loads a page that anybody can load.
func (r *running) page(url string) (int, http.Header) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode, res.Header
}

// eventually tries something that another process brings about.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("never: %s: %v", what, err)
		case <-time.After(time.Millisecond):
		}
	}
}

// kill ends a connector's process as the kernel would, without asking.
func (r *running) kill() {
	r.t.Helper()
	if err := syscall.Kill(r.Connectors()[0].PID, syscall.SIGKILL); err != nil {
		r.t.Fatal(err)
	}
}

// serves fails unless the one connector serves with the release.
func (r *running) serves(digest any) {
	r.t.Helper()
	all := r.Connectors()
	if len(all) != 1 || all[0].State != "serving" || all[0].Digest != digest {
		r.t.Errorf("connectors are %+v, want that %v serves", all, digest)
	}
}

func digestOf(t *testing.T, release map[string]any) string {
	t.Helper()
	digest, ok := release["digest"].(string)
	if !ok {
		t.Fatalf("no release: %v", release)
	}
	return digest
}

func path(format string, args ...any) string {
	return fmt.Sprintf("/v1/connectors/acme-pay"+format, args...)
}
