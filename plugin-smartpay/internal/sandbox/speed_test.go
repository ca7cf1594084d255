package sandbox

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkCreateSession opens sessions as fast as one client with several
// connections can, over loopback.
func BenchmarkCreateSession(b *testing.B) {
	s := New(Config{})
	listener := httptest.NewServer(s)
	defer listener.Close()
	body := `{"amount":1250,"currency":"JPY","captureMethod":"manual","reference":"R-1","successUrl":"https://shop.example/ok",` +
		`"cancelUrl":"https://shop.example/no","customerInfo":{"firstName":"太郎","lastName":"山田","emailAddress":"taro@example.com"},` +
		`"shippingInfo":{"address":{"line1":"1-1","locality":"港区","postalCode":"1050001","country":"JP"},"feeAmount":100,"feeCurrency":"JPY"},` +
		`"items":[{"name":"マグカップ","amount":1150,"currency":"JPY","quantity":1}]}`
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, listener.URL+"/v1/checkout-sessions", strings.NewReader(body))
			if err != nil {
				b.Error(err)
				return
			}
			req.Header.Set("Authorization", "Basic "+testKey)
			res, err := client.Do(req)
			if err != nil {
				b.Error(err)
				return
			}
			if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
				b.Errorf("%d, %v", res.StatusCode, err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sessions/s")
	if err := s.Close(b.Context()); err != nil {
		b.Error(err)
	}
}
