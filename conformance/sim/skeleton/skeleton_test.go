package skeleton_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/connectorhost/connectorhost/conformance/sim"
	"github.com/connectorhost/connectorhost/conformance/sim/simtest"
	"github.com/connectorhost/connectorhost/conformance/sim/skeleton"
)

func TestThreeMethodsAreASimulator(t *testing.T) {
	server := (&acme{shops: map[string]*shop{}}).serve()
	defer server.Close()
	simtest.Run(t, server.URL+"/sim/v1", func(lane sim.Lane, reference string) error {
		return charged(lane, reference, reference)
	})
}

// A recorder can do everything, notes what it is asked, and fails as it is told to.
type recorder struct {
	lane  sim.Lane
	asked []string
	fails error
}

func (r *recorder) note(format string, args ...any) error {
	r.asked = append(r.asked, fmt.Sprintf(format, args...))
	return r.fails
}

func (r *recorder) Open(at string) (sim.Lane, error) { return r.lane, r.note("open %s", at) }
func (r *recorder) Close(lane string) error          { return r.note("close %s", lane) }
func (r *recorder) Ledger(lane string) (sim.Ledger, error) {
	return sim.Ledger{}, r.note("ledger %s", lane)
}
func (r *recorder) Buyer(lane string, b sim.Buyer) error      { return r.note("buyer %s %v", lane, b) }
func (r *recorder) Faults() []sim.FaultKind                   { return []sim.FaultKind{sim.FaultHidden, sim.FaultStatus} }
func (r *recorder) Fault(lane string, f sim.Fault) error      { return r.note("fault %s %v", lane, f) }
func (r *recorder) Behave(lane string) error                  { return r.note("behave %s", lane) }
func (r *recorder) Dashboard(l string, d sim.Dashboard) error { return r.note("dashboard %s %v", l, d) }
func (r *recorder) Event(lane string, e sim.Event) error      { return r.note("event %s %v", lane, e) }
func (r *recorder) Rotate(lane string) error                  { return r.note("rotate %s", lane) }
func (r *recorder) Advance(d time.Duration) (time.Time, error) {
	return time.Unix(7, 0).UTC(), r.note("advance %s", d)
}

// asks sends requests, each as "METHOD path body", and returns the last answer.
func asks(h http.Handler, requests ...string) *httptest.ResponseRecorder {
	var w *httptest.ResponseRecorder
	for _, request := range requests {
		method, rest, _ := strings.Cut(request, " ")
		path, body, _ := strings.Cut(rest, " ")
		r := httptest.NewRequest(method, "http://127.0.0.1:7/sim"+path, strings.NewReader(body))
		r.RemoteAddr = "127.0.0.1:5"
		w = httptest.NewRecorder()
		h.ServeHTTP(w, r)
	}
	return w
}

func newRecorder() (*recorder, http.Handler) {
	r := &recorder{lane: sim.Lane{ID: "L", URL: "http://127.0.0.1:8"}}
	return r, skeleton.New("/sim", skeleton.About{Name: "recorder", Webhooks: true}, r)
}

func TestWhatIsImplementedIsClaimed(t *testing.T) {
	_, h := newRecorder()
	want := `{"protocol":"conformance.sim/v1","name":"recorder","version":"","abilities":` +
		`["buyer","clock","webhooks","events","rotate","dashboard","fault:hidden","fault:status"]}` + "\n"
	if diff := cmp.Diff(want, asks(h, "GET ").Body.String()); diff != "" {
		t.Error(diff)
	}
}

func TestRequests(t *testing.T) {
	tests := map[string]struct {
		request string
		status  int
		says    string // of the answer
		asked   string // of the handler, after the lane was opened
	}{
		"opening":             {"POST /lanes {}", 200, `{"id":"L","url":"http://127.0.0.1:8","values":null}`, "open http://127.0.0.1:7"},
		"books":               {"GET /lanes/L/ledger", 200, `{"requests":0,"writes":0,"payments":[]}`, "ledger L"},
		"a buyer":             {`POST /lanes/L/buyer {"reference":"R","does":"cancel"}`, 200, "{}", "buyer L {R cancel}"},
		"staff":               {`POST /lanes/L/dashboard {"reference":"R","does":"void"}`, 200, "{}", "dashboard L {R void 0}"},
		"an event":            {`POST /lanes/L/events {"type":"x","data":{"a":1}}`, 200, "{}", "event L {x map[a:1]}"},
		"another secret":      {"POST /lanes/L/rotate", 200, "{}", "rotate L"},
		"good behaviour":      {"DELETE /lanes/L/faults", 200, "{}", "behave L"},
		"time":                {`POST /clock {"advance_ms":1500}`, 200, `{"now":"1970-01-01T00:00:07Z"}`, "advance 1.5s"},
		"a fault":             {`POST /lanes/L/faults {"kind":"hidden","ms":5,"times":2}`, 200, "{}", "fault L {hidden  0 5 0 2}"},
		"not claimed":         {`POST /lanes/L/faults {"kind":"amount"}`, 501, "fault:amount", ""},
		"no reference":        {`POST /lanes/L/buyer {"does":"cancel"}`, 400, "reference", ""},
		"no deed":             {`POST /lanes/L/buyer {"reference":"R"}`, 400, "does must be one of [approve decline cancel]", ""},
		"staff without work":  {`POST /lanes/L/dashboard {"reference":"R","does":"rest"}`, 400, "does", ""},
		"staff for nobody":    {`POST /lanes/L/dashboard {"does":"void"}`, 400, "reference", ""},
		"less than nothing":   {`POST /lanes/L/dashboard {"reference":"R","does":"void","minor":-1}`, 400, "minor", ""},
		"a nameless event":    {"POST /lanes/L/events {}", 400, "type", ""},
		"back in time":        {`POST /clock {"advance_ms":-1}`, 400, "advance_ms", ""},
		"beyond all time":     {`POST /clock {"advance_ms":9223372036854775807}`, 400, "advance_ms", ""},
		"hidden for how long": {`POST /lanes/L/faults {"kind":"hidden"}`, 400, "ms", ""},
		"which status":        {`POST /lanes/L/faults {"kind":"status"}`, 400, "value", ""},
		"fewer than no times": {`POST /lanes/L/faults {"kind":"status","value":"x","times":-1}`, 400, "times", ""},
		"a negative wait":     {`POST /lanes/L/faults {"kind":"status","value":"x","seconds":-1}`, 400, "seconds", ""},
		"something after it":  {`POST /lanes/L/rotate {}{}`, 400, "follows", ""},
		"no JSON":             {`POST /lanes/L/rotate rotate`, 400, "body", ""},
		"too much":            {`POST /lanes/L/rotate ` + strings.Repeat(" ", 1<<20) + "{}", 400, "too large", ""},
		"another lane":        {"GET /lanes/M/ledger", 404, `lane \"M\"`, ""},
		"another path":        {"GET /lanes/L/books", 404, "", ""},
		"another method":      {"PUT /lanes/L", 405, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r, h := newRecorder()
			w := asks(h, "POST /lanes {}", tt.request)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.says) {
				t.Errorf("%d %s, want %d about %s", w.Code, w.Body, tt.status, tt.says)
			}
			if asked := strings.Join(r.asked[1:], "; "); asked != tt.asked {
				t.Errorf("asked %q, want %q", asked, tt.asked)
			}
		})
	}
}

func TestWhyNotIsAStatus(t *testing.T) {
	for err, want := range map[error]int{
		skeleton.ErrNotFound: 404, skeleton.ErrInvalid: 400, sim.ErrCannot: 501, errors.New("declined already"): 409,
	} {
		r, h := newRecorder()
		asks(h, "POST /lanes {}")
		r.fails = fmt.Errorf("told: %w", err)
		for _, request := range []string{
			"GET /lanes/L/ledger", "POST /lanes/L/rotate", "DELETE /lanes/L/faults", `POST /clock {"advance_ms":1}`,
			`POST /lanes/L/faults {"kind":"hidden","ms":5}`, "POST /lanes", "DELETE /lanes/L",
		} {
			if w := asks(h, request); w.Code != want || !strings.Contains(w.Body.String(), r.fails.Error()) {
				t.Errorf("%s: %d %s, want %d", request, w.Code, w.Body, want)
			}
		}
	}
}

func TestALaneThatCannotBeAddressed(t *testing.T) {
	for _, id := range []string{"", "a/b", "a b", "a?b", "a%b", "..", "a#b"} {
		r, h := newRecorder()
		r.lane.ID = id
		if w := asks(h, "POST /lanes"); w.Code == 200 {
			t.Errorf("%q: %s", id, w.Body)
		}
	}
}

func TestAClosedLaneIsNotAskedAbout(t *testing.T) {
	r, h := newRecorder()
	if w := asks(h, "POST /lanes", "DELETE /lanes/L", "DELETE /lanes/L"); w.Code != 404 || len(r.asked) != 2 {
		t.Errorf("%d; asked %v", w.Code, r.asked)
	}
}

func TestOnlyThisMachineIsAnswered(t *testing.T) {
	r, h := newRecorder()
	for peer, want := range map[string]int{"127.0.0.1:9": 200, "[::1]:9": 200, "192.0.2.1:9": 403, "[2001:db8::1]:9": 403, "": 403} {
		w, req := httptest.NewRecorder(), httptest.NewRequest("POST", "/sim/lanes", nil)
		req.RemoteAddr = peer
		before := len(r.asked)
		if h.ServeHTTP(w, req); w.Code != want || (len(r.asked) > before) != (want == 200) {
			t.Errorf("%q: %d, asked %v", peer, w.Code, r.asked)
		}
	}
}
