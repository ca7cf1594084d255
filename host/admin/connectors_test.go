package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/connectorhost/connectorhost/host/admin"
	"github.com/connectorhost/connectorhost/host/internal/fleet"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/host/internal/supervise"
	"github.com/connectorhost/connectorhost/sdk"
	"github.com/connectorhost/connectorhost/sdk/launch"
)

func TestConnectorsAreListedAndShown(t *testing.T) {
	w := newWorld(t)
	other := acme
	other.Name = "other"
	w.host.releases = append(w.host.releases, other)
	list := w.send("GET", "/v1/connectors", nil).want(http.StatusOK).object()
	if dig(list, "items", 0, "connector") != "acme" || dig(list, "items", 0, "in_flight") != 1.0 {
		t.Errorf("list is %v", list)
	}
	shown := w.send("GET", "/v1/connectors/acme", nil).want(http.StatusOK).object()
	if len(dig(shown, "releases").([]any)) != 1 || dig(shown, "releases", 0, "digest") != acme.Digest {
		t.Errorf("releases are %v", dig(shown, "releases"))
	}
	if dig(shown, "layers", 0, "name") != "files" || dig(shown, "layers", 0, "held") != true {
		t.Errorf("layers are %v", dig(shown, "layers"))
	}
	if all := w.send("GET", "/v1/releases", nil).want(http.StatusOK).object(); len(dig(all, "items").([]any)) != 2 {
		t.Errorf("releases are %v", all)
	}
	w.host.connectors, w.host.releases = nil, nil
	w.send("GET", "/v1/connectors", nil).want(http.StatusOK).says(`{"items":[]}`)
	w.send("GET", "/v1/releases", nil).want(http.StatusOK).says(`{"items":[]}`)
}

// lived writes steps into a connector's history.
func (w *world) lived(connector string, events ...supervise.Event) {
	w.t.Helper()
	for _, e := range events {
		raw, err := json.Marshal(e)
		w.must(err)
		w.must(w.store.AppendJournal(w.t.Context(), store.JournalEntry{Connector: connector, At: noon, Name: string(e.To), Context: raw}))
	}
}

func TestHistoryIsNewestFirstAndOutlivesItsConnector(t *testing.T) {
	w := newWorld(t)
	w.send("GET", "/v1/connectors/acme/history", nil).want(http.StatusOK).says(`{"items":[]}`)
	w.lived("gone", supervise.Event{To: supervise.Starting}, supervise.Event{To: supervise.Crashed, Cause: "it fell"})
	history := w.send("GET", "/v1/connectors/gone/history", nil).want(http.StatusOK).object()
	if dig(history, "items", 0, "name") != "crashed" || dig(history, "items", 0, "context", "cause") != "it fell" ||
		dig(history, "items", 1, "name") != "starting" {
		t.Errorf("history is %v", history)
	}
	history = w.send("GET", "/v1/connectors/gone/history?limit=1", nil).want(http.StatusOK).object()
	if len(dig(history, "items").([]any)) != 1 {
		t.Errorf("a limit of 1 gives %v", history)
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t)
	for name, tt := range map[string]struct {
		path string
		most int
	}{
		"history":  {"/v1/connectors/acme/history", 1000},
		"payments": {"/v1/payments", 100},
	} {
		for _, wrong := range []string{"0", "-1", fmt.Sprint(tt.most + 1), "ten", "1.5", "99999999999999999999"} {
			t.Run(name+" of "+wrong, func(t *testing.T) {
				w.t = t
				w.send("GET", tt.path+"?limit="+wrong, nil).want(http.StatusBadRequest).says(fmt.Sprintf("from 1 to %d", tt.most))
			})
		}
		w.t = t
		w.send("GET", fmt.Sprintf("%s?limit=%d", tt.path, tt.most), nil).want(http.StatusOK)
	}
}

func TestCommandsReachTheHost(t *testing.T) {
	for name, tt := range map[string]struct {
		path, body, did string
	}{
		"swap":               {"swap", `{"release":"1.2.0"}`, "swap acme to 1.2.0, allow loss false"},
		"swap with loss":     {"swap", `{"release":"ab12","allow_loss":true}`, "swap acme to ab12, allow loss true"},
		"rollback":           {"rollback", "", "roll acme back"},
		"restart":            {"restart", "", "restart acme"},
		"end the quarantine": {"end-quarantine", "", "end the quarantine of acme"},
		"activate":           {"activate", `{"release":"1.2.0"}`, "activate 1.2.0 of acme"},
		"unpark":             {"unpark", `{"subject":"op-1"}`, "unpark op-1 of acme"},
		"swap by name":       {"swap", `{"release":"1.2.0","request_id":"r1","canary_percent":5,"canary_for":"90s"}`, "swap acme to 1.2.0, allow loss false"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.send("POST", "/v1/connectors/acme/"+tt.path, tt.body).want(http.StatusOK)
			if did := w.host.did(); did != tt.did {
				t.Errorf("the host did %q, want %q", did, tt.did)
			}
		})
	}
}

func TestBodiesThatAreWrongReachNobody(t *testing.T) {
	for name, tt := range map[string]struct {
		body   any
		status int
		says   string
	}{
		"nothing":               {"", http.StatusBadRequest, "cannot be read"},
		"half an object":        {`{"release":"1.2`, http.StatusBadRequest, "cannot be read"},
		"a list":                {`["1.2.0"]`, http.StatusBadRequest, "cannot be read"},
		"a number":              {`{"release":1}`, http.StatusBadRequest, "release"},
		"an unknown key":        {`{"release":"1.2.0","force":true}`, http.StatusBadRequest, "force"},
		"something after it":    {`{"release":"1.2.0"} {}`, http.StatusBadRequest, "follows"},
		"no release":            {`{}`, http.StatusBadRequest, "release is missing"},
		"more than is read":     {`{"release":"` + strings.Repeat("x", 64<<10) + `"}`, http.StatusRequestEntityTooLarge, "65536"},
		"a sender who hangs up": {iotest.ErrReader(errors.New("gone")), http.StatusBadRequest, "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.send("POST", "/v1/connectors/acme/swap", tt.body).want(tt.status).says(tt.says)
			if did := w.host.did(); did != "" {
				t.Errorf("the host did %q", did)
			}
		})
	}
}

func TestErrorsOfTheHostHaveTheirStatus(t *testing.T) {
	for name, tt := range map[string]struct {
		err    error
		status int
		code   string
		logged bool
	}{
		"not installed":      {fmt.Errorf("release x: %w", fleet.ErrNotInstalled), http.StatusNotFound, "not_installed", false},
		"unknown connector":  {fmt.Errorf("connector x: %w", store.ErrNotFound), http.StatusNotFound, "not_found", false},
		"refused":            {fmt.Errorf("release x: %w", supervise.ErrRefused), http.StatusConflict, "refused", false},
		"capabilities lost":  {fmt.Errorf("%w: %w", supervise.ErrRefused, &supervise.LossError{Lost: []string{"operation void"}}), http.StatusConflict, "refused", false},
		"quarantined":        {supervise.ErrQuarantined, http.StatusConflict, "quarantined", false},
		"not active":         {supervise.ErrNotActive, http.StatusConflict, "not_active", false},
		"damaged on disk":    {fleet.ErrDamaged, http.StatusConflict, "damaged", false},
		"another file":       {&launch.StartError{Reason: launch.ReasonDigest, Err: errors.New("its SHA-256 is …")}, http.StatusUnprocessableEntity, "wrong_digest", false},
		"does worse":         {fmt.Errorf("swapping: %w: it is slow", supervise.ErrWorse), http.StatusConflict, "did_worse", false},
		"answered before":    {&admin.AnsweredError{Status: 422, Code: "no_handshake", Message: "it printed hello"}, http.StatusUnprocessableEntity, "no_handshake", false},
		"answered long ago":  {&admin.AnsweredError{Message: "it printed hello"}, http.StatusConflict, "answered_before", false},
		"busy":               {&settle.BusyError{}, http.StatusConflict, "operation_under_way", false},
		"does not start":     {&launch.StartError{Reason: launch.ReasonHandshake, Err: errors.New("it printed hello")}, http.StatusUnprocessableEntity, "no_handshake", false},
		"the host stops":     {supervise.ErrClosed, http.StatusServiceUnavailable, "shutting_down", true},
		"not soon enough":    {fmt.Errorf("swapping: %w", context.DeadlineExceeded), http.StatusGatewayTimeout, "timeout", true},
		"something of ours":  {errors.New("disk on fire"), http.StatusInternalServerError, "internal", true},
		"nobody serves":      {sdk.Errorf("host", sdk.CodePluginUnavailable, "no process"), http.StatusServiceUnavailable, "plugin_unavailable", true},
		"the provider fails": {sdk.Errorf("acme", sdk.CodeOperationUnsupported, "no"), http.StatusBadGateway, "operation_unsupported", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.host.fail = tt.err
			w.send("POST", "/v1/connectors/acme/restart", nil).want(tt.status).says(tt.err.Error()[:8]).says(`"code":"` + tt.code + `"`)
			if logged := strings.Contains(w.log.String(), "operator's request failed"); logged != tt.logged {
				t.Errorf("logged is %v, want %v: %s", logged, tt.logged, w.log)
			}
		})
	}
}

func TestInstallTakesTheBodyAsTheBinary(t *testing.T) {
	w := newWorld(t)
	t.Setenv("TMPDIR", t.TempDir())
	made := w.send("POST", "/v1/releases", "\x7fELF and so on").want(http.StatusOK).object()
	if dig(made, "digest") != acme.Digest || string(w.host.installed) != "\x7fELF and so on" {
		t.Errorf("installed %q as %v", w.host.installed, made)
	}
	left, err := os.ReadDir(os.TempDir())
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestWhatCannotBeInstalled(t *testing.T) {
	for name, tt := range map[string]struct {
		body   any
		err    error
		status int
		says   string
	}{
		"nothing":             {"", nil, http.StatusBadRequest, "empty"},
		"more than is taken":  {strings.Repeat("x", 101), nil, http.StatusRequestEntityTooLarge, "100 bytes"},
		"a text":              {"hello", &launch.StartError{Reason: launch.ReasonBinary, Err: errors.New("exec format error")}, http.StatusUnprocessableEntity, "exec format"},
		"another program":     {"hello", fmt.Errorf("trial start: %w", &launch.StartError{Reason: launch.ReasonHandshake, Err: errors.New("it printed usage")}), http.StatusUnprocessableEntity, `"code":"no_handshake"`},
		"an unusable one":     {"hello", errors.New("its manifest's name is \"A B\""), http.StatusUnprocessableEntity, `"code":"unfit"`},
		"a full disk":         {"hello", fmt.Errorf("installing: %w", &fs.PathError{Op: "write", Path: "program", Err: errors.New("no space left")}), http.StatusInternalServerError, "no space"},
		"a host out of files": {"hello", &launch.StartError{Reason: launch.ReasonHost, Err: errors.New("too many files")}, http.StatusInternalServerError, "too many"},
		"a damaged release":   {"hello", fleet.ErrDamaged, http.StatusConflict, "not what was installed"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			handler, err := admin.NewSmall(w.config, 100)
			w.must(err)
			w.handler, w.host.fail = handler, tt.err
			w.send("POST", "/v1/releases", tt.body).want(tt.status).says(tt.says)
		})
	}
}

func TestABinaryThatBreaksOffIsNotInstalled(t *testing.T) {
	w := newWorld(t)
	w.send("POST", "/v1/releases", iotest.TimeoutReader(strings.NewReader(strings.Repeat("x", 100_000)))).want(http.StatusInternalServerError)
	if did := w.host.did(); did != "" {
		t.Errorf("the host did %q", did)
	}
}

func TestNoPlaceForABinary(t *testing.T) {
	w := newWorld(t)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "missing"))
	w.send("POST", "/v1/releases", "x").want(http.StatusInternalServerError).says("receiving the binary")
}
