package smartpay

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/connectorhost/connectorhost/sdk"
)

// An inbox receives webhooks, acknowledges them and hands them out.
type inbox struct {
	url  string
	mail chan sdk.WebhookRequest
}

func newInbox(t testing.TB) *inbox {
	t.Helper()
	in := &inbox{mail: make(chan sdk.WebhookRequest, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("reading a delivery: %v", err)
		}
		in.mail <- sdk.WebhookRequest{Method: r.Method, URL: r.URL.String(), Headers: r.Header, Body: body}
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(server.Close)
	in.url = server.URL + "/webhooks/ps-1"
	return in
}

func (in *inbox) next(t testing.TB) sdk.WebhookRequest {
	t.Helper()
	select {
	case req := <-in.mail:
		return req
	case <-time.After(10 * time.Second):
		t.Fatal("no delivery")
		return sdk.WebhookRequest{}
	}
}
