package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/api/badnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testKey     = "sk_test_9KmPq3Zt7WxYb2Nc5VhRdS"
	orderID     = "order_test_7sPq2LwEoXbN4uYk9HdRzA"
	paymentID   = "payment_test_35LxgmF5KM22XKG38BjpJa"
	refundID    = "refund_test_hDvn34e7FuBlAlTeohhwca"
	paymentBody = `{"id":"` + paymentID + `","object":"payment","test":true,"createdAt":1700000000020,` +
		`"updatedAt":1700000000020,"amount":200,"currency":"JPY","order":"` + orderID + `",` +
		`"reference":"R-1","status":"processed","metadata":{}}`
	// In the form that the documentation publishes for GET without expand.
	orderBody = `{"id":"` + orderID + `","object":"order","amount":2100,"createdAt":1700000000000,` +
		`"currency":"JPY","discounts":[],"expiresAt":1700604896864,"lineItems":["li_test_1"],"metadata":{},` +
		`"payments":["` + paymentID + `"],"reference":"R-1","shippingInfo":{},"status":"succeeded","test":true,` +
		`"updatedAt":1700000167000}`
)

func parseKey(t testing.TB, text string) SecretKey {
	t.Helper()
	key, err := ParseSecretKey(text)
	if err != nil {
		t.Fatalf("ParseSecretKey: %v", err)
	}
	return key
}

// merchant returns the API at base with the test key.
func merchant(t testing.TB, base string) Merchant {
	t.Helper()
	return merchantWith(t, base, Options{})
}

func merchantWith(t testing.TB, base string, o Options) Merchant {
	t.Helper()
	client, err := New(base, o)
	if err != nil {
		t.Fatalf("New(%q): %v", base, err)
	}
	t.Cleanup(client.Close)
	return client.As(parseKey(t, testKey))
}

// within bounds a call that must end by itself, so that one that does not fails here.
func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// capture is the write that tests of sending use.
func capture(ctx context.Context, m Merchant) (*Payment, error) {
	return m.CreatePayment(ctx, "key-1", PaymentParams{
		Order: orderID, Amount: 200, Currency: "JPY", CancelRemainder: ReleaseRemainder,
	})
}

// failureOf returns err as a Failure, or ends the test.
func failureOf(t *testing.T, err error) *Failure {
	t.Helper()
	f, ok := errors.AsType[*Failure](err)
	if !ok {
		t.Fatalf("error is %T (%v), want a *Failure", err, err)
	}
	return f
}

func start(t *testing.T, deeds ...badnet.Deed) (*badnet.Server, Merchant) {
	t.Helper()
	server := badnet.Start(t, deeds...)
	return server, merchant(t, server.URL())
}

// trust returns a TLS configuration that knows the server's certificate.
func trust(server *httptest.Server) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return &tls.Config{RootCAs: pool}
}

func discard() *log.Logger { return log.New(io.Discard, "", 0) }
