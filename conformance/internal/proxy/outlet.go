package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

var errLeft = errors.New("the connector has left")

// An outlet is where the connector reads. Once it has left, everything sent is lost
// without an error, so that the upstream is heard out all the same.
type outlet struct {
	w   io.Writer
	err error
}

func (o *outlet) Write(b []byte) (int, error) {
	if o.err == nil {
		_, o.err = o.w.Write(b)
	}
	return len(b), nil
}

// A log records what went through an outlet.
type log struct {
	out  *outlet
	tape tape
}

func (l log) Write(b []byte) (int, error) {
	if l.out.err == nil {
		return l.tape.Write(b)
	}
	return len(b), nil
}

// open gives the way to the connector, if it is still there.
func (t *turn) open() *outlet {
	out := &outlet{w: t.c.nc}
	select {
	case <-t.left:
		out.err = errLeft
	default:
	}
	return out
}

// say sends a head to the connector.
func (t *turn) say(out *outlet, head []byte) {
	if t.p.tell(t.c) {
		head = withHeader(head, "Connection", "close")
	}
	_, _ = out.Write(head) // an outlet keeps its error
	t.said(out, head)
}

// said notes that a head was sent.
func (t *turn) said(out *outlet, head []byte) {
	res, err := parseAnswer(head, t.x.Request.Method)
	if err != nil || out.err != nil {
		return // a head that net/http cannot read is none of ours, and was read before
	}
	defer res.Body.Close()
	t.p.note(func() { t.x.Answer.Status, t.x.Answer.Header = res.StatusCode, res.Header })
}

// log records the body that goes to the connector.
func (t *turn) log(out *outlet) log {
	return log{out, tape{t.p, &t.x.Answer.Body, &t.x.Answer.Length}}
}

// done is the end of an exchange whose answer was sent.
func (t *turn) done(out *outlet, keep bool) End {
	if out.err != nil {
		return t.closedOr(Left)
	}
	t.keep = keep && !t.req.Close
	t.p.note(func() { t.x.Answer.Complete = true })
	return Answered
}

// send answers with a head and a body: as it goes out, and without chunking.
func (t *turn) send(head, raw, body []byte, keep bool) End {
	out := t.open()
	t.say(out, head)
	_, _ = out.Write(raw)         // an outlet keeps its error
	_, _ = t.log(out).Write(body) // a tape has none
	return t.done(out, keep)
}

// reply answers with what the proxy makes up.
func (t *turn) reply(r Reply) End {
	out := t.open()
	t.say(out, r.head(time.Now()))
	if bodiless(r.status()) || t.x.Request.Method == http.MethodHead {
		return t.done(out, true)
	}
	both := io.MultiWriter(out, t.log(out))
	spaces := bytes.Repeat([]byte(" "), int(min(r.Fill, 1<<16)))
	for left := r.Fill; left > 0 && out.err == nil; left -= int64(len(spaces)) {
		_, _ = both.Write(spaces[:min(left, int64(len(spaces)))]) // an outlet keeps its error
	}
	_, _ = both.Write(r.Body)
	return t.done(out, true)
}
