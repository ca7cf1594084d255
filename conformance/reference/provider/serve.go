package provider

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"strconv"

	"github.com/connectorhost/connectorhost/conformance/sim/skeleton"
)

// endpoints are the API. Writes need an idempotency key; the others are idempotent by
// themselves.
var (
	writes = map[string]operation{
		"POST /v1/payments":                    (*Provider).open,
		"POST /v1/payments/{id}/captures":      (*Provider).captureMoney,
		"POST /v1/payments/{id}/voids":         (*Provider).voidHold,
		"POST /v1/payments/{id}/cancellations": (*Provider).cancel,
		"POST /v1/payments/{id}/increments":    (*Provider).increment,
		"POST /v1/payments/{id}/refunds":       (*Provider).refund,
		"POST /v1/instruments":                 (*Provider).store,
		"POST /v1/instruments/{id}/removals":   (*Provider).remove,
		"POST /v1/checks":                      (*Provider).check,
	}
	others = map[string]operation{
		"GET /v1/account":       (*Provider).account,
		"GET /v1/payments":      (*Provider).findPayments,
		"GET /v1/payments/{id}": (*Provider).getPayment,
		"GET /v1/refunds":       (*Provider).findRefunds,
		"GET /v1/refunds/{id}":  (*Provider).getRefund,
		"PUT /v1/webhooks":      (*Provider).register,
	}
)

func (p *Provider) routes() *http.ServeMux {
	mux := http.NewServeMux()
	for endpoint, do := range writes {
		mux.HandleFunc(endpoint, p.answer(endpoint, func(c *call) (int, []byte) { return p.once(c, do) }))
	}
	for endpoint, do := range others {
		mux.HandleFunc(endpoint, p.answer(endpoint, func(c *call) (int, []byte) { return render(do(p, c)) }))
	}
	p.control(mux)
	simulated := skeleton.New(SimPath, skeleton.About{Name: "reference-provider", Version: simVersion, Webhooks: true}, simulator{p})
	mux.Handle(SimPath, simulated)
	mux.Handle(SimPath+"/", simulated)
	return mux
}

// ServeHTTP serves the API, the buyer's page, /ledger and /control.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.mux.ServeHTTP(w, r) }

// answer makes a handler of an endpoint: one request at a time, each counted.
func (p *Provider) answer(endpoint string, do func(*call) (int, []byte)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if tooLong := (*http.MaxBytesError)(nil); err != nil && !errors.As(err, &tooLong) {
			return // the caller hung up before the request was whole: it did not happen
		}
		c := &call{
			endpoint: endpoint, id: r.PathValue("id"), origin: origin(r), key: r.Header.Get("Idempotency-Key"),
			body: body, query: r.URL.Query(),
		}
		status, text, number := p.handle(c, r.Header.Get("Authorization"), err != nil, do)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", "req_"+strconv.FormatInt(number, 10))
		maps.Copy(w.Header(), c.header)
		w.WriteHeader(status)
		_, _ = w.Write(text) // whoever asked can ask again
	}
}

func (p *Provider) handle(
	c *call, authorization string, tooLong bool, do func(*call) (int, []byte),
) (status int, body []byte, number int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, refused := p.authenticate(authorization)
	if m != nil {
		m.count(c)
	}
	switch c.merchant = m; {
	case refused != nil:
		status, body = render(0, nil, refused)
	case tooLong:
		status, body = render(0, nil, malformed("the body is too long"))
	default:
		status, body = p.faulty(c, do)
		if c.payment != nil {
			p.collectOne(c.payment)
		}
	}
	return status, body, p.requests.note(p.now(), c, status)
}

// origin is where the caller reached this provider.
func origin(r *http.Request) string {
	if r.TLS == nil && r.URL.Scheme != "https" {
		return "http://" + r.Host
	}
	return "https://" + r.Host
}
