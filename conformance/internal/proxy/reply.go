package proxy

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// A Reply is an answer that the proxy makes up. Content-Length and, unless given, Date
// and a Content-Type of application/json are added.
type Reply struct {
	Status int // 0 means 200
	Header http.Header
	Body   []byte
	// Fill is how many spaces go out before Body: a JSON body stays valid, however large.
	Fill int64
}

// Empty is a success without a body.
func Empty() Reply { return Reply{} }

// Null is a success whose body is JSON's null.
func Null() Reply { return Reply{Body: []byte("null")} }

// HTML is a page where an API's answer should be, with any status: what a balancer says.
func HTML(status int) Reply {
	const page = "<!DOCTYPE html>\n<html><head><title>%d %[2]s</title></head><body><h1>%[2]s</h1></body></html>\n"
	return Reply{
		Status: status,
		Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body:   fmt.Appendf(nil, page, status, http.StatusText(status)),
	}
}

// TooMany is 429 with the Retry-After given: seconds or an HTTP date.
func TooMany(retryAfter string) Reply {
	return Reply{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {retryAfter}}, Body: []byte("{}")}
}

// Oversize is a success with a valid JSON body of n bytes and two.
func Oversize(n int64) Reply { return Reply{Fill: n, Body: []byte("{}")} }

// head writes the reply's head for a request that asks for a body or not.
func (r Reply) head(now time.Time) []byte {
	status := r.status()
	h := r.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if h.Get("Date") == "" {
		h.Set("Date", now.UTC().Format(http.TimeFormat))
	}
	if _, ok := h["Content-Type"]; !ok {
		h.Set("Content-Type", "application/json")
	}
	if !bodiless(status) {
		h.Set("Content-Length", strconv.FormatInt(r.Fill+int64(len(r.Body)), 10))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	_ = h.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	return b.Bytes()
}

func (r Reply) status() int {
	if r.Status == 0 {
		return http.StatusOK
	}
	return r.Status
}

// echo is the reply that says the request again, in its headers and its body.
func echo(r Reply, req Request, raw []byte) Reply {
	if r.Status == 0 {
		r.Status = http.StatusBadRequest
	}
	if r.Header = r.Header.Clone(); r.Header == nil {
		r.Header = http.Header{"Content-Type": {"text/plain"}}
	}
	for name, values := range req.Header {
		r.Header["Echo-"+name] = slices.Clone(values)
	}
	r.Body, r.Fill = raw, 0
	return r
}

// redirect is the reply that sends the request to base.
func redirect(r Reply, base string, req Request) Reply {
	if r.Status == 0 {
		r.Status = http.StatusTemporaryRedirect
	}
	if r.Header = r.Header.Clone(); r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("Location", base+req.Target)
	return r
}

// bodiless reports whether no answer with the status has a body.
func bodiless(status int) bool {
	return status < 200 || status == http.StatusNoContent || status == http.StatusNotModified
}
