package chaos

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// A host is a daemon that comes and goes on a data directory of its own.
type host struct {
	w       *world
	data    string                  // its directory
	process atomic.Pointer[process] // merchants look whether it is alive
	starts  int

	apiURL, adminURL, adminToken string
}

// newHost makes a place for another host of the world. It does not start it.
func (w *world) newHost() *host {
	w.t.Helper()
	h := &host{w: w, data: filepath.Join(w.dir, fmt.Sprintf("data%d", len(w.hosts)+1)), apiURL: address(w.t), adminURL: address(w.t)}
	if err := os.Mkdir(h.tmp(), 0o700); err != nil {
		w.t.Fatal(err)
	}
	w.hosts = append(w.hosts, h)
	return h
}

func (h *host) tmp() string       { return h.data + ".tmp" }
func (h *host) tokenFile() string { return filepath.Join(h.data, "admin.token") }

// flags are what the host is started with. What the test wants comes last.
func (h *host) flags() []string {
	return append(append([]string{
		"serve", "--listen", strings.TrimPrefix(h.apiURL, "http://"), "--admin-listen", strings.TrimPrefix(h.adminURL, "http://"),
		"--data-dir", h.data, "--connector", program("plugin-smartpay"), "--log-level", "warn", "--certification", "off",
		"--call-timeout", "3s", "--drain-timeout", "4s", "--sweep", "250ms", "--looks", "250ms,500ms,1s,2s,5s,5s,10s", "--egress", strings.TrimPrefix(h.w.sandboxURL, "http://"),
	}, h.w.shared...), h.w.flags...)
}

// running is the host's process, or was.
func (h *host) running() *process { return h.process.Load() }

func (h *host) alive() bool {
	p := h.running()
	return p != nil && p.alive()
}

// startHost starts the host on the data of the one before, and waits until it serves.
func (h *host) startHost() {
	h.w.t.Helper()
	if !h.tryStartHost() {
		h.w.t.Fatalf("the host died at its start\n%s", h.w.lastLog())
	}
}

// tryStartHost reports false if the host ended before it was ready.
func (h *host) tryStartHost() bool {
	h.w.t.Helper()
	h.starts++
	ready := fmt.Sprintf("%s.ready-%d", h.data, h.starts)
	env := append(os.Environ(), "TMPDIR="+h.tmp(), "STORE_FAILPOINT="+h.orderFile(), "HOST_CLOCK="+h.clockFile())
	host, err := start(program("connectord"), h.w.log, env, append(h.flags(), "--ready-file", ready)...)
	if err != nil {
		h.w.t.Fatal(err)
	}
	h.process.Store(host)
	err = h.w.eventually("the host is ready", func() error {
		var told map[string]string
		if err := readJSON(ready, &told); err != nil && host.alive() {
			return err
		}
		return nil
	})
	if err != nil {
		h.w.t.Fatalf("%v\n%s", err, h.w.lastLog())
	}
	if h.adminToken != "" {
		return host.alive()
	}
	raw, err := os.ReadFile(h.tokenFile())
	if err != nil && host.alive() {
		h.w.t.Fatal(err)
	}
	h.adminToken = strings.TrimSpace(string(raw))
	return host.alive()
}

// killHost kills the host as a power cut of one process would.
func (h *host) killHost() {
	h.running().kill()
	h.w.faults++
}

// died reports whether the host is dead, now that a request was answered or was not.
func (h *host) died() bool {
	if _, err := h.status(); err == nil {
		return false
	}
	select {
	case <-h.running().ended:
		return true
	case <-time.After(patience):
		h.w.t.Error("the host is alive and does not answer")
		return false
	}
}

// orderFile holds the order to the host to die at a commit.
func (h *host) orderFile() string { return h.data + ".order" }

// dieAtCommit has the host die at its nth commit from now, "before" or "after" it is
// durable.
func (h *host) dieAtCommit(moment string, n int) {
	h.w.t.Helper()
	h.w.write(h.orderFile(), fmt.Sprintf("%d %s %d\n", time.Now().UnixNano(), moment, n))
}

// calmHost takes the order back.
func (h *host) calmHost() {
	h.w.t.Helper()
	if err := os.Remove(h.orderFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		h.w.t.Fatal(err)
	}
}

// operate makes one request as an operator would.
func (h *host) operate(method, path string, body any) (int, object, error) {
	var answer object
	header := http.Header{"Authorization": {"Bearer " + h.adminToken}}
	status, err := h.w.ask(h.w.t.Context(), method, h.adminURL+path, header, body, &answer)
	return status, answer, err
}

func (h *host) mustOperate(method, path string, body any) object {
	h.w.t.Helper()
	status, answer, err := h.operate(method, path, body)
	if err != nil || status >= 300 {
		h.w.t.Fatalf("%s %s: %d %v %v", method, path, status, answer, err)
	}
	return answer
}

// connectord runs a command of the operators'.
func (h *host) connectord(args ...string) (string, error) {
	cmd := exec.CommandContext(h.w.t.Context(), program("connectord"), append(args, "--admin", h.adminURL, "--token-file", h.tokenFile())...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// status is what the host tells operators of the connector.
func (h *host) status() (status struct {
	Digest   string `json:"digest"`
	State    string `json:"state"`
	PID      int    `json:"pid"`
	InFlight int    `json:"in_flight"`
	Parked   []struct {
		Subject string `json:"subject"`
		Deaths  int    `json:"deaths"`
	} `json:"parked"`
}, err error) {
	header := http.Header{"Authorization": {"Bearer " + h.adminToken}}
	code, err := h.w.ask(h.w.t.Context(), http.MethodGet, h.adminURL+"/v1/connectors/smartpay", header, nil, &status)
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("status %d", code)
	}
	return status, err
}

// plugin is the process that serves. It waits for one, and as the operator ends a
// quarantine that the test's own kills have brought about.
func (h *host) plugin() (pid int) { return h.pluginAfter(0) }

// pluginAfter is the process that serves in the place of one that was killed.
func (h *host) pluginAfter(dead int) (pid int) {
	h.w.t.Helper()
	h.w.await("a connector serves", func() error {
		s, err := h.status()
		if err != nil {
			return err
		}
		if s.State == "quarantined" {
			h.nudge("end-quarantine", nil)
		}
		if s.State != "serving" || s.PID == 0 || s.PID == dead {
			return fmt.Errorf("it is %s", s.State)
		}
		pid = s.PID
		return nil
	})
	return pid
}

// install installs the other release and tells the digests of both.
func (h *host) install() (now, next string) {
	h.w.t.Helper()
	s, err := h.status()
	if err != nil {
		h.w.t.Fatal(err)
	}
	file, err := os.Open(program("plugin-smartpay-next"))
	if err != nil {
		h.w.t.Fatal(err)
	}
	defer file.Close()
	next, _ = h.mustOperate(http.MethodPost, "/v1/releases", file)["digest"].(string)
	return s.Digest, next
}

// swap makes a release serve.
func (h *host) swap(digest string) error {
	status, answer, err := h.operate(http.MethodPost, "/v1/connectors/smartpay/swap", object{"release": digest})
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("swap: %d %v", status, answer)
	}
	return err
}

// unsettled are payments whose end nobody knows, a hundred at most.
func (h *host) unsettled() (ids []string, err error) {
	status, page, err := h.operate(http.MethodGet, "/v1/payments?unsettled=true&limit=100", nil)
	if err != nil || status != http.StatusOK {
		return nil, errors.Join(err, fmt.Errorf("listing payments: %d", status))
	}
	for _, row := range list(page, "items") {
		ids = append(ids, text(row, "id"))
	}
	return ids, nil
}

// tend is the operator, who lets go on what was stopped for good reason.
func (h *host) tend() {
	h.w.t.Helper()
	h.plugin()
	status, err := h.status()
	if err != nil {
		h.w.t.Fatal(err)
	}
	for _, p := range status.Parked {
		h.nudge("unpark", object{"subject": p.Subject})
	}
}

// nudge lets go on what was stopped. Another host may have been told so already, and a
// database that is away has it done the next time.
func (h *host) nudge(how string, body any) {
	h.w.t.Helper()
	status, answer, err := h.operate(http.MethodPost, "/v1/connectors/smartpay/"+how, body)
	switch {
	case err != nil:
		h.w.t.Fatal(err)
	case status >= 300 && status != http.StatusNotFound && status != http.StatusConflict && status != http.StatusServiceUnavailable:
		h.w.t.Fatalf("%s: %d %v", how, status, answer)
	}
}
