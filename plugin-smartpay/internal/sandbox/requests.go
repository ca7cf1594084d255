package sandbox

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/webhook"
)

// seen is one request as the ledger shows it. Status is 0 while it is unanswered.
type seen struct {
	Seq            int64             `json:"seq"`
	At             int64             `json:"at"`
	Method         string            `json:"method"`
	Path           string            `json:"path"`
	Endpoint       string            `json:"endpoint,omitempty"`
	Query          string            `json:"query,omitempty"`
	Headers        map[string]string `json:"headers"`
	Body           string            `json:"body,omitempty"`
	Merchant       string            `json:"merchant,omitempty"`
	Reference      string            `json:"reference,omitempty"`
	IdempotencyKey string            `json:"idempotency_key,omitempty"`
	Status         int               `json:"status"`
	ErrorCode      string            `json:"error_code,omitempty"`
	Replayed       bool              `json:"replayed,omitempty"`
	Faults         []string          `json:"faults,omitempty"`
}

// requestLog remembers the latest requests in full and counts all of them. It
// is safe for concurrent use.
type requestLog struct {
	mu         sync.Mutex
	limit      int
	total      int64
	latest     []*seen // a ring once it is full: the oldest is at total % limit
	byEndpoint map[string]int64
	byStatus   map[int]int64
	watched    map[string]*traffic // by merchant
}

// traffic counts what reached the API from one merchant.
type traffic struct{ requests, writes int }

// watch counts a merchant's requests from now on.
func (l *requestLog) watch(merchant string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.watched == nil {
		l.watched = make(map[string]*traffic)
	}
	l.watched[merchant] = new(traffic)
}

func (l *requestLog) unwatch(merchant string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.watched, merchant)
}

// of is what a watched merchant has sent, answered or not.
func (l *requestLog) of(merchant string) traffic {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.watched[merchant]; t != nil {
		return *t
	}
	return traffic{}
}

func newRequestLog(limit int) *requestLog {
	l := &requestLog{limit: limit}
	l.reset()
	return l
}

func (l *requestLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total, l.latest = 0, nil
	l.byEndpoint, l.byStatus = make(map[string]int64), make(map[int]int64)
}

// open notes a request as it arrives, so that one that is never answered shows too.
func (l *requestLog) open(now time.Time, c *call) *seen {
	entry := &seen{
		At: now.UnixMilli(), Method: c.request.Method, Path: mask(c.request.URL.EscapedPath()),
		Endpoint: c.target.name, Query: mask(c.request.URL.RawQuery), Headers: maskedHeaders(c.request.Header),
		Body: maskedBody(c.body), Reference: c.reference, Faults: c.plan.labels(),
		IdempotencyKey: c.request.Header.Get("Idempotency-Key"),
	}
	if key := secretKeyOf(c.request.Header.Get("Authorization")); key != "" {
		entry.Merchant = book.Fingerprint(key)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	entry.Seq = l.total
	if len(l.latest) < l.limit {
		l.latest = append(l.latest, entry)
	} else {
		l.latest[int((l.total-1)%int64(l.limit))] = entry
	}
	l.byEndpoint[entry.Endpoint]++
	if t := l.watched[entry.Merchant]; t != nil {
		t.requests++
		if entry.Method != http.MethodGet && entry.Method != http.MethodHead {
			t.writes++
		}
	}
	return entry
}

// close notes how a request was answered.
func (l *requestLog) close(entry *seen, c *call, a answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	entry.Status, entry.Replayed, entry.Reference = a.status, a.replayed, c.reference
	if a.status == 0 {
		return // a fault kept it from being answered at all
	}
	if a.status >= http.StatusBadRequest {
		entry.ErrorCode = errorCode(a.body)
	}
	l.byStatus[a.status]++
}

func errorCode(body []byte) string {
	var p struct {
		ErrorCode string `json:"errorCode"`
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return ""
	}
	return p.ErrorCode
}

// each calls visit with a copy of every remembered request, oldest first.
func (l *requestLog) each(visit func(seen)) {
	l.mu.Lock()
	entries := make([]seen, 0, len(l.latest))
	for i := range l.latest {
		at := i
		if len(l.latest) == l.limit {
			at = int((l.total + int64(i)) % int64(l.limit))
		}
		entries = append(entries, *l.latest[at])
	}
	l.mu.Unlock()
	for _, entry := range entries {
		visit(entry)
	}
}

const masked = "***"

var (
	keyText    = regexp.MustCompile(`\b([sp]k_(?:test|live)_)[0-9a-zA-Z]+`)
	secretText = regexp.MustCompile(`("(?:password|accessToken|signingSecret)"\s*:\s*)"(?:[^"\\]|\\.)*"`)
)

// mask hides keys wherever they stand in a text.
func mask(text string) string { return keyText.ReplaceAllString(text, "${1}"+masked) }

func maskedBody(body []byte) string {
	return secretText.ReplaceAllString(mask(strings.ToValidUTF8(string(body), "\uFFFD")), `${1}"`+masked+`"`)
}

// maskedHeaders keeps the scheme of an Authorization header and nothing more of it.
func maskedHeaders(h http.Header) map[string]string {
	out := make(map[string]string, len(h))
	for name, values := range h {
		text := mask(strings.Join(values, ", "))
		switch name {
		case "Authorization", "Proxy-Authorization":
			scheme, _, _ := strings.Cut(text, " ")
			text = scheme + " " + masked
		case "Cookie":
			text = masked
		}
		out[name] = text
	}
	return out
}

// delivered is one try to deliver a webhook, as the ledger shows it.
type delivered struct {
	At           int64    `json:"at"`
	Event        string   `json:"event"`
	Type         string   `json:"type"`
	Endpoint     string   `json:"endpoint"`
	URL          string   `json:"url,omitempty"`
	Reference    string   `json:"reference,omitempty"`
	Try          int      `json:"try"`
	Status       int      `json:"status"`
	Error        string   `json:"error,omitempty"`
	Acknowledged bool     `json:"acknowledged"`
	Dropped      bool     `json:"dropped,omitempty"`
	RetryInMS    int64    `json:"retry_in_ms,omitempty"`
	Faults       []string `json:"faults,omitempty"`
}

// attemptLog remembers the latest tries. It is safe for concurrent use.
type attemptLog struct {
	mu     sync.Mutex
	limit  int
	total  int64
	latest []delivered
}

func newAttemptLog(limit int) *attemptLog { return &attemptLog{limit: limit} }

func (l *attemptLog) add(a webhook.Attempt) {
	d := delivered{
		At: a.At.UnixMilli(), Event: a.Message.EventID, Endpoint: a.Message.Endpoint, URL: mask(a.URL), Try: a.Number,
		Status: a.Status, Acknowledged: a.Acknowledged(), Dropped: a.Dropped, RetryInMS: a.Next.Milliseconds(),
		Faults: a.Message.Faults,
	}
	if owed, ok := a.Message.Tag.(*book.Delivery); ok {
		d.Type, d.Reference = string(owed.Event.Type), owed.Reference
	}
	if a.Err != nil {
		d.Error = a.Err.Error()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if len(l.latest) == l.limit {
		l.latest = l.latest[1:]
	}
	l.latest = append(l.latest, d)
}

func (l *attemptLog) each(visit func(delivered)) {
	l.mu.Lock()
	latest := append([]delivered(nil), l.latest...)
	l.mu.Unlock()
	for _, d := range latest {
		visit(d)
	}
}
