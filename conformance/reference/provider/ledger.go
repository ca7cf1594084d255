package provider

import (
	"net/http"
	"strconv"
	"time"
)

// A Ledger is what a provider says of itself to an outside witness.
type Ledger struct {
	Now       time.Time        `json:"now"`
	Requests  int64            `json:"requests"` // of the API, from the start
	Endpoints map[string]int64 `json:"requests_by_endpoint"`
	// ByKey and ByReference sum movements and requests up. Movements and the log are
	// narrowed by the query parameters key and reference, if they are given.
	ByKey       map[string]*Tally `json:"by_key"`
	ByReference map[string]*Tally `json:"by_reference"`
	Movements   []Movement        `json:"movements"`
	Log         []Seen            `json:"log"` // the latest requests, oldest first
	// TolerancePercent is how much more than was authorized may be captured.
	TolerancePercent int `json:"tolerance_percent"`
}

// A Tally sums up what one key or one reference did. Amounts are minor units.
type Tally struct {
	Requests  int   `json:"requests"`
	Replays   int   `json:"replays"` // requests that were answered from memory
	Movements int   `json:"movements"`
	Held      int64 `json:"held"`
	Taken     int64 `json:"taken"`
	Released  int64 `json:"released"`
	Returned  int64 `json:"returned"` // less what bounced
}

// Seen is a request. The API key is not in it.
type Seen struct {
	Number    int64     `json:"number"`
	At        time.Time `json:"at"`
	Endpoint  string    `json:"endpoint"`
	ID        string    `json:"id,omitempty"`
	Reference string    `json:"reference,omitempty"`
	Key       string    `json:"key,omitempty"`
	Status    int       `json:"status"`
	Replayed  bool      `json:"replayed,omitempty"`
	Body      string    `json:"body,omitempty"`
}

// requests counts every request and remembers the latest.
type requests struct {
	total    int64
	endpoint map[string]int64
	log      []Seen
}

// maxLog bounds the log; it is cut back to half when it is full.
const maxLog = 20_000

func (r *requests) note(now time.Time, c *call, status int) int64 {
	if r.endpoint == nil {
		r.endpoint = map[string]int64{}
	}
	r.total++
	r.endpoint[c.endpoint]++
	if len(r.log) == maxLog {
		r.log = append([]Seen(nil), r.log[maxLog/2:]...)
	}
	r.log = append(r.log, Seen{
		Number: r.total, At: now, Endpoint: c.endpoint, ID: c.id, Reference: c.reference, Key: c.key,
		Status: status, Replayed: c.replayed, Body: string(c.body),
	})
	return r.total
}

// Ledger reads everything that concerns a key and a reference; "" is all of them.
func (p *Provider) Ledger(key, reference string) Ledger {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	l := Ledger{
		Now: now, Requests: p.requests.total, Endpoints: map[string]int64{}, TolerancePercent: TolerancePercent,
		ByKey: map[string]*Tally{}, ByReference: map[string]*Tally{}, Movements: []Movement{}, Log: []Seen{},
	}
	for endpoint, n := range p.requests.endpoint {
		l.Endpoints[endpoint] = n
	}
	passes := func(k, r string) bool { return (key == "" || k == key) && (reference == "" || r == reference) }
	for _, x := range p.inOrder {
		if reference != "" && x.terms.Reference != reference {
			continue
		}
		for _, m := range x.at(now).movements {
			if passes(m.Key, m.Reference) {
				l.Movements = append(l.Movements, m)
				l.each(m.Key, m.Reference, func(t *Tally) { t.move(m) })
			}
		}
	}
	for _, s := range p.requests.log {
		if passes(s.Key, s.Reference) {
			l.Log = append(l.Log, s)
			l.each(s.Key, s.Reference, func(t *Tally) { t.request(s) })
		}
	}
	return l
}

// each adds to the tallies of a key and of a reference, where there are any.
func (l *Ledger) each(key, reference string, add func(*Tally)) {
	addTo(l.ByKey, key, add)
	addTo(l.ByReference, reference, add)
}

func addTo(tallies map[string]*Tally, name string, add func(*Tally)) {
	if name == "" {
		return
	}
	if tallies[name] == nil {
		tallies[name] = &Tally{}
	}
	add(tallies[name])
}

func (t *Tally) request(s Seen) {
	t.Requests++
	if s.Replayed {
		t.Replays++
	}
}

func (t *Tally) move(m Movement) {
	t.Movements++
	switch m.Motion {
	case Hold:
		t.Held += m.Minor
	case Take:
		t.Taken += m.Minor
	case Release:
		t.Released += m.Minor
	case Return:
		t.Returned += m.Minor
	case Bounce:
		t.Returned -= m.Minor
	}
}

// control adds what is not part of the API.
func (p *Provider) control(mux *http.ServeMux) {
	mux.HandleFunc("GET /ledger", func(w http.ResponseWriter, r *http.Request) {
		tell(w, http.StatusOK, p.Ledger(r.FormValue("key"), r.FormValue("reference")))
	})
	mux.HandleFunc("POST /control/advance", func(w http.ResponseWriter, r *http.Request) {
		d, err := time.ParseDuration(r.FormValue("by"))
		if err != nil || d < 0 {
			tell(w, http.StatusBadRequest, map[string]string{"error": "by must be a duration such as 1h30m"})
			return
		}
		p.Advance(d)
		tell(w, http.StatusOK, map[string]string{"now": p.Now().Format(time.RFC3339Nano)})
	})
	mux.HandleFunc("GET /pay/{id}", p.showPage)
	mux.HandleFunc("POST /pay/{id}", p.takeDecision)
}

// tell answers with JSON.
func tell(w http.ResponseWriter, status int, body any) {
	status, text := render(status, body, nil)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // whoever asked can ask again
}
