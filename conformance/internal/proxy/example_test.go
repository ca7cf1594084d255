package proxy_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/proxy"
)

// The answer to a payment is lost after the provider has made it.
func ExampleProxy_Break() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusCreated)
	}))
	defer provider.Close()

	p, err := proxy.Open(provider.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	if err := p.Break(proxy.Fault{What: proxy.ActThenDrop, Only: proxy.Writes, Times: 1}); err != nil {
		fmt.Println(err)
		return
	}

	// What a connector would do.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL()+"/payments", strings.NewReader("{}"))
	if err != nil {
		fmt.Println(err)
		return
	}
	res, err := http.DefaultClient.Do(req)
	if err == nil {
		res.Body.Close()
	}
	fmt.Println("the connector got an answer:", err == nil)

	if err := p.Settle(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for _, x := range p.Since(proxy.Mark{}).Writes() {
		fmt.Println(x.Request.Method, x.Request.Target, "forwarded", x.Forwarded, "provider said", x.Upstream[0].Status, "end", x.End)
	}
	// Output:
	// the connector got an answer: false
	// POST /payments forwarded 1 provider said 201 end reset
}
