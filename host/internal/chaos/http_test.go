package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
)

// object is a JSON object.
type object = map[string]any

// merchant makes one request as a merchant's server would, to any host. The key may be
// empty.
func (w *world) merchant(ctx context.Context, method, path, key string, body any) (int, object, error) {
	header := http.Header{"Authorization": {"Bearer " + w.token}}
	if key != "" {
		header.Set("Idempotency-Key", key)
		header.Set("Prefer", "resource=transaction-capture, resource=transaction-void")
	}
	var answer object
	status, err := w.ask(ctx, method, w.live().apiURL+path, header, body, &answer)
	if status == http.StatusInternalServerError {
		w.at500.Add(1)
		w.first500.CompareAndSwap(nil, new(fmt.Sprintf("%s %s: %v", method, path, answer)))
	}
	return status, answer, err
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
