package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/connectorhost/connectorhost/host/internal/notify"
	"github.com/connectorhost/connectorhost/host/internal/settle"
	"github.com/connectorhost/connectorhost/host/internal/store"
	"github.com/connectorhost/connectorhost/sdk"
)

// doors are the merchants' listener's pages for those who are not merchants:
// providers that deliver webhooks and buyers who come back.
type doors struct {
	notifier *notify.Notifier
	engine   *settle.Engine
	log      *slog.Logger
}

func (d doors) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/{service}", atOnce(doorsAtOnce, http.HandlerFunc(d.webhook)))
	mux.Handle("GET /return/{payment}/{token}/{page}", atOnce(doorsAtOnce, http.HandlerFunc(d.returning)))
	return mux
}

// doorsAtOnce is how many deliveries, and how many returning buyers, are dealt with at
// once.
const doorsAtOnce = 128

// retryAfter is when those are asked to come again who cannot be dealt with, in seconds.
const retryAfter = "2"

// atOnce lets so many requests in at once and asks the others to come again: a provider
// does by itself, and a buyer by reloading the page.
func atOnce(n int, next http.Handler) http.Handler {
	inside := make(chan struct{}, n)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		select {
		case inside <- struct{}{}:
			defer func() { <-inside }()
			next.ServeHTTP(w, req)
		default:
			w.Header().Set("Retry-After", retryAfter)
			http.Error(w, "There is too much to do at the moment. Please try again.", http.StatusServiceUnavailable)
		}
	})
}

// beside sends what is for the doors there and everything else, however it is spelt,
// to the merchants' contract, which answers in its own words.
func beside(doors, contract http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, "/webhooks/") || strings.HasPrefix(req.URL.Path, "/return/") {
			doors.ServeHTTP(w, req)
			return
		}
		contract.ServeHTTP(w, req)
	})
}

// webhook answers a delivery exactly as the connector says, or with a server error
// that makes the provider deliver it again.
func (d doors) webhook(w http.ResponseWriter, req *http.Request) {
	respond, err := d.notifier.Receive(req.Context(), req.PathValue("service"), req)
	switch {
	case errors.Is(err, store.ErrNotFound):
		http.Error(w, "there is no such webhook", http.StatusNotFound)
		return
	case errors.Is(err, notify.ErrTooLarge):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		d.log.ErrorContext(req.Context(), "webhook not processed", "payment_service_id", req.PathValue("service"), "error", err)
		w.Header().Set("Retry-After", retryAfter)
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	for name, values := range respond.Headers {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(statusOr(respond, http.StatusOK))
	if _, err := w.Write(respond.Body); err != nil {
		d.log.InfoContext(req.Context(), "provider hung up before its acknowledgement", "error", err)
	}
}

func statusOr(r sdk.Respond, fallback int) int {
	if r.Status >= 200 && r.Status <= 599 {
		return r.Status
	}
	return fallback
}

// returning sends a buyer on to the merchant.
func (d doors) returning(w http.ResponseWriter, req *http.Request) {
	page := req.PathValue("page")
	if page != settle.ApprovedPage && page != settle.CanceledPage {
		http.NotFound(w, req)
		return
	}
	to, err := d.engine.Return(req.Context(), sdk.PaymentID(req.PathValue("payment")), req.PathValue("token"), page == settle.ApprovedPage)
	switch {
	case errors.Is(err, store.ErrNotFound):
		http.NotFound(w, req)
	case err != nil:
		d.log.ErrorContext(req.Context(), "buyer could not be sent on", "payment_id", req.PathValue("payment"), "error", err)
		w.Header().Set("Retry-After", retryAfter)
		http.Error(w, "The shop cannot be reached right now. Your payment is safe: please go back to the shop and look at your order.", http.StatusServiceUnavailable)
	default:
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Referrer-Policy", "no-referrer")
		http.Redirect(w, req, to, http.StatusSeeOther)
	}
}

// drained shuts servers down politely: no new requests, those in flight finish.
func drained(ctx context.Context, servers ...*http.Server) error {
	var failed []error
	for _, s := range servers {
		if err := s.Shutdown(ctx); err != nil {
			failed = append(failed, fmt.Errorf("closing %s: %w", s.Addr, err), s.Close())
		}
	}
	return errors.Join(failed...)
}
