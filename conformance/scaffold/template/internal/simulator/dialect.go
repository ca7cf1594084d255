package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
)

// maxBody is the longest request that is read, in bytes.
const maxBody = 1 << 20

// A call is one request of a merchant.
type call struct {
	*merchant
	id    string // the path's
	query func(string) string
	key   string
	body  []byte
	print [sha256.Size]byte // of what is asked, to compare it by
}

// An answer is a status and a body. One of 400 and above took no effect.
type answer struct {
	status  int
	body    any
	raw     string // instead of body
	headers map[string]string
}

type object = map[string]any

func no(status int, code, message string) answer {
	return answer{status: status, body: object{"error": object{"code": code, "message": message}}}
}

// speak lists the endpoints.
func (s *Simulator) speak() {
	reads := map[string]func(*call) answer{
		"GET /v1/merchant":     func(*call) answer { return answer{status: 200, body: object{"id": "me"}} },
		"GET /v1/charges":      s.findCharges,
		"GET /v1/charges/{id}": s.getCharge,
		"GET /v1/refunds":      s.findRefunds,
		"GET /v1/refunds/{id}": s.getRefund,
	}
	writes := map[string]func(*call) answer{
		"POST /v1/charges":              s.postCharge,
		"POST /v1/charges/{id}/refunds": s.postRefund,
	}
	for endpoint, do := range reads {
		s.mux.HandleFunc(endpoint, s.serve(false, do))
	}
	for endpoint, do := range writes {
		s.mux.HandleFunc(endpoint, s.serve(true, func(c *call) answer { return s.once(c, do) }))
	}
}

// serve makes a handler of what is done for a call: it reads the whole request first,
// since one that breaks off has not happened.
func (s *Simulator) serve(writes bool, do func(*call) answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			return
		}
		c := &call{id: r.PathValue("id"), query: r.URL.Query().Get, key: r.Header.Get("Idempotency-Key"), body: body}
		c.print = sha256.Sum256([]byte(r.URL.Path + "\n" + string(body)))
		key, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		a := s.handle(c, key, writes, do)
		text, err := json.Marshal(a.body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		if a.raw != "" {
			text = []byte(a.raw)
		}
		w.Header().Set("Content-Type", "application/json")
		for name, value := range a.headers {
			w.Header().Set(name, value)
		}
		w.WriteHeader(a.status)
		_, _ = w.Write(text) // whoever asked can ask again
	}
}

func (s *Simulator) handle(c *call, key string, writes bool, do func(*call) answer) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.merchant = s.merchants[key]
	if c.merchant == nil {
		return no(401, "bad_api_key", "the API key is unknown")
	}
	c.requests++
	if writes {
		c.writes++
	}
	if f := c.strikes(sim.FaultRateLimit); f != nil {
		a := no(429, "too_many_requests", "slow down")
		if f.Seconds > 0 {
			a.headers = map[string]string{"Retry-After": strconv.Itoa(f.Seconds)}
		}
		return a
	}
	if f := c.strikes(sim.FaultUnexpected); f != nil {
		return answer{status: 400, raw: f.Value}
	}
	return do(c)
}

// A use is what an idempotency key was used for. Its answer is made again from the books,
// so that the fault of one answer is not remembered.
type use struct {
	print  [sha256.Size]byte
	at     time.Time
	busy   time.Time // until when it is in progress
	failed bool
	answer func() answer
}

// once answers a write. A key that took effect gets its answer again; a request that was
// refused has used nothing up.
func (s *Simulator) once(c *call, do func(*call) answer) answer {
	now := s.now()
	if c.key == "" {
		return no(400, "bad_request", "the header Idempotency-Key is missing")
	}
	if u := c.uses[c.key]; u != nil {
		switch {
		case now.Sub(u.at) >= keyLifetime:
			return no(409, "key_expired", "the idempotency key was used too long ago")
		case u.print != c.print:
			return no(409, "key_reused", "the idempotency key was used for another request")
		case u.failed:
			return no(500, "internal", "something went wrong")
		case now.Before(u.busy):
			return no(409, "key_in_progress", "the request with this key is still being worked on")
		}
		return u.answer()
	}
	if c.strikes(sim.FaultKeyError) != nil {
		c.uses[c.key] = &use{print: c.print, at: now, failed: true}
		return no(500, "internal", "something went wrong")
	}
	a := do(c)
	if a.status >= 400 {
		return a
	}
	u := c.uses[c.key]
	u.print, u.at = c.print, now
	if f := c.strikes(sim.FaultKeyBusy); f != nil {
		u.busy = now.Add(time.Duration(f.Milliseconds) * time.Millisecond)
		return no(409, "key_in_progress", "the request with this key is still being worked on")
	}
	return a
}

// read decodes a body strictly: a misspelt field could cost money.
func (c *call) read(into any) error {
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
