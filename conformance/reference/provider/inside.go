package provider

import (
	"bytes"
	"io"
	"net/http"
)

// Inside returns a way to reach the provider without a network: from the same
// process, through the same HTTP messages.
func (p *Provider) Inside() http.RoundTripper { return inside{p} }

type inside struct{ provider http.Handler }

// RoundTrip serves the request at once. A request whose context has ended is not
// looked at.
func (i inside) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close()
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	served := req.Clone(req.Context())
	if served.Body == nil {
		served.Body = http.NoBody
	}
	served.Host, served.RemoteAddr = req.URL.Host, "127.0.0.1:0" // from this machine
	r := &recorder{header: http.Header{}, status: http.StatusOK}
	i.provider.ServeHTTP(r, served)
	return &http.Response{
		Status: http.StatusText(r.status), StatusCode: r.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.header, Body: io.NopCloser(&r.body), ContentLength: int64(r.body.Len()), Request: req,
	}, nil
}

// A recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
