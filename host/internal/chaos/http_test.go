package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
)

// object is a JSON object.
type object = map[string]any

// merchant makes one request as a merchant's server would. The key may be empty.
func (w *world) merchant(ctx context.Context, method, path, key string, body any) (int, object, error) {
	header := http.Header{"Authorization": {"Bearer " + w.token}}
	if key != "" {
		header.Set("Idempotency-Key", key)
		header.Set("Prefer", "resource=transaction-capture, resource=transaction-void")
	}
	var answer object
	status, err := w.ask(ctx, method, w.apiURL+path, header, body, &answer)
	return status, answer, err
}

// operate makes one request as an operator would.
func (w *world) operate(method, path string, body any) (int, object, error) {
	var answer object
	header := http.Header{"Authorization": {"Bearer " + w.adminToken}}
	status, err := w.ask(w.t.Context(), method, w.adminURL+path, header, body, &answer)
	return status, answer, err
}

func (w *world) mustOperate(method, path string, body any) object {
	w.t.Helper()
	status, answer, err := w.operate(method, path, body)
	if err != nil || status >= 300 {
		w.t.Fatalf("%s %s: %d %v %v", method, path, status, answer, err)
	}
	return answer
}

// connectord runs a command of the operators'.
func (w *world) connectord(args ...string) (string, error) {
	cmd := exec.CommandContext(w.t.Context(), program("connectord"), append(args, "--admin", w.adminURL, "--token-file", w.dir+"/data/admin.token")...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// sandboxed makes a request to the sandbox's controls.
func (w *world) sandboxed(method, path string, body, out any) {
	w.t.Helper()
	status, err := w.ask(w.t.Context(), method, w.sandboxURL+path, http.Header{}, body, out)
	if err != nil || status >= 300 {
		w.t.Fatalf("%s %s: %d %v", method, path, status, err)
	}
}

// ask makes one request. A body that is a file is sent as it is.
func (w *world) ask(ctx context.Context, method, url string, header http.Header, body, out any) (int, error) {
	var payload io.Reader
	switch body := body.(type) {
	case nil:
	case *os.File:
		payload = body
	default:
		raw, err := json.Marshal(body)
		if err != nil {
			return 0, err
		}
		payload = bytes.NewReader(raw)
		header.Set("Content-Type", "application/json")
	}
	req, err := http.NewRequestWithContext(ctx, method, url, payload)
	if err != nil {
		return 0, err
	}
	req.Header = header
	res, err := w.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil && out != nil && len(raw) > 0 {
		err = json.Unmarshal(raw, out)
	}
	return res.StatusCode, err
}

// status is what the host tells operators of the connector.
func (w *world) status() (status struct {
	Digest   string `json:"digest"`
	State    string `json:"state"`
	PID      int    `json:"pid"`
	InFlight int    `json:"in_flight"`
	Parked   []struct {
		Subject string `json:"subject"`
		Deaths  int    `json:"deaths"`
	} `json:"parked"`
}, err error) {
	header := http.Header{"Authorization": {"Bearer " + w.adminToken}}
	code, err := w.ask(w.t.Context(), http.MethodGet, w.adminURL+"/v1/connectors/smartpay", header, nil, &status)
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("status %d", code)
	}
	return status, err
}

// plugin is the process that serves. It waits for one, and as the operator ends a
// quarantine that the test's own kills have brought about.
func (w *world) plugin() (pid int) { return w.pluginAfter(0) }

// pluginAfter is the process that serves in the place of one that was killed.
func (w *world) pluginAfter(dead int) (pid int) {
	w.t.Helper()
	w.await("a connector serves", func() error {
		s, err := w.status()
		if err != nil {
			return err
		}
		if s.State == "quarantined" {
			w.mustOperate(http.MethodPost, "/v1/connectors/smartpay/end-quarantine", nil)
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
func (w *world) install() (now, next string) {
	w.t.Helper()
	s, err := w.status()
	if err != nil {
		w.t.Fatal(err)
	}
	file, err := os.Open(program("plugin-smartpay-next"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	next, _ = w.mustOperate(http.MethodPost, "/v1/releases", file)["digest"].(string)
	return s.Digest, next
}

// swap makes a release serve.
func (w *world) swap(digest string) error {
	status, answer, err := w.operate(http.MethodPost, "/v1/connectors/smartpay/swap", object{"release": digest})
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("swap: %d %v", status, answer)
	}
	return err
}

// provider arms a fault of the provider.
func (w *world) provider(rule object) {
	w.t.Helper()
	w.sandboxed(http.MethodPost, "/_sandbox/faults", object{"faults": []object{rule}}, nil)
}

// heal disarms the provider's faults and counts how often they fired.
func (w *world) heal() {
	w.t.Helper()
	w.faults += w.fired()
	w.sandboxed(http.MethodDelete, "/_sandbox/faults", nil, nil)
}

// fired tells how often the provider's faults have fired.
func (w *world) fired() (n int) {
	w.t.Helper()
	var armed struct {
		Faults []struct {
			Fired int `json:"fired"`
		} `json:"faults"`
	}
	w.sandboxed(http.MethodGet, "/_sandbox/faults", nil, &armed)
	for _, f := range armed.Faults {
		n += f.Fired
	}
	return n
}

// unsettled are the payments of which the host does not know everything.
func (w *world) unsettled() (ids []string, err error) {
	cursor := ""
	for {
		status, page, err := w.operate(http.MethodGet, "/v1/payments?limit=100&cursor="+cursor, nil)
		if err != nil || status != http.StatusOK {
			return nil, errors.Join(err, fmt.Errorf("listing payments: %d", status))
		}
		for _, row := range list(page, "items") {
			if n, _ := row["unsettled"].(float64); n > 0 || strings.HasSuffix(text(row, "status"), "processing") {
				ids = append(ids, text(row, "id"))
			}
		}
		if cursor = text(page, "next_cursor"); cursor == "" {
			return ids, nil
		}
	}
}

func text(o object, name string) string { s, _ := o[name].(string); return s }

func number(o object, name string) int64 { n, _ := o[name].(float64); return int64(n) }

func list(o object, name string) (objects []object) {
	items, _ := o[name].([]any)
	for _, item := range items {
		if x, ok := item.(object); ok {
			objects = append(objects, x)
		}
	}
	return objects
}
