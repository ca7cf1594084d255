package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// strike carries an exchange whose request has arrived, with a fault or, if f is the
// zero Fault, without.
func (t *turn) strike(f Fault) End {
	switch f.What {
	case "":
		return t.pass()
	case Hang:
		return t.wait(0)
	case ResetBeforeHeaders:
		return Reset
	case Instead:
		return t.reply(f.Reply)
	case Redirect:
		return t.reply(redirect(f.Reply, f.To, t.x.Request))
	case Echo:
		return t.reply(echo(f.Reply, t.x.Request, t.raw.Bytes()))
	default:
		a := t.act()
		if a == nil {
			return t.closedOr(Reset)
		}
		return t.spoil(f, a)
	}
}

// pass gives the upstream's answer to the connector as it comes.
func (t *turn) pass() End {
	var out *outlet
	var keep bool
	ok := t.forward(func(a *answer) error {
		out, keep = t.open(), a.lasts()
		t.say(out, a.head)
		return a.copy(out, t.log(out))
	})
	switch {
	case !ok && t.p.ctx.Err() != nil:
		return Closed
	case !ok && out != nil && out.err != nil:
		return Left
	case !ok:
		return Reset
	}
	return t.done(out, keep)
}

// spoil does to the connector what a fault does once the upstream has acted.
func (t *turn) spoil(f Fault, a *answer) End {
	switch f.What {
	case ActThenHang:
		return t.wait(0)
	case ActThenAnswer:
		return t.reply(f.Reply)
	case Delay:
		if end := t.wait(f.Wait); end != UnderWay {
			return end
		}
	case Truncate, TruncateChunked, ResetMidBody:
		return t.truncate(f, a)
	case Drip:
		return t.drip(f.Bytes, a)
	case Rewrite:
		for name, values := range f.Header {
			a.head = withHeader(a.head, name, values...)
		}
	case Mistype:
		body := mistyped(a.body)
		if a.bodiless() {
			break
		}
		return t.send(withLength(withHeader(a.head, "Content-Encoding"), len(body)), body, body, a.lasts())
	case Duplicate:
		if t.act() == nil {
			return t.closedOr(Reset)
		}
	default: // ActThenDrop
		return Reset
	}
	return t.send(a.head, a.raw, a.body, a.lasts())
}

// withLength returns head for a body of n bytes, not chunked.
func withLength(head []byte, n int) []byte {
	return withHeader(withHeader(head, "Transfer-Encoding"), "Content-Length", strconv.Itoa(n))
}

// truncate sends less of an answer than its head promises, and never all of it.
func (t *turn) truncate(f Fault, a *answer) End {
	end, out := Closed, t.open()
	if f.What == ResetMidBody {
		end = Reset
	}
	body := a.body[:min(f.Bytes, int64(max(len(a.body)-1, 0)))]
	switch {
	case a.bodiless():
		_, _ = out.Write(a.head[:len(a.head)/2]) // an outlet keeps its error
	case f.What == TruncateChunked:
		head := withHeader(a.head, "Content-Length")
		t.say(out, withHeader(head, "Transfer-Encoding", "chunked"))
		if len(body) > 0 {
			_, _ = fmt.Fprintf(out, "%x\r\n%s\r\n", len(body), body)
		}
	default:
		if a.framing().chunked || a.framing().length <= 0 {
			a.head = withLength(a.head, max(len(a.body), 1))
		}
		t.say(out, a.head)
		_, _ = out.Write(body)
	}
	_, _ = t.log(out).Write(body) // a tape has no errors
	if out.err != nil {
		return t.closedOr(Left)
	}
	return end
}

// drip sends an answer slowly: its body or, if it has none, all of it.
func (t *turn) drip(rate int64, a *answer) End {
	out, head := t.open(), a.head
	if len(a.body) == 0 {
		if end := t.trickle(out, head, rate); end != UnderWay {
			return end
		}
		t.said(out, head)
		return t.done(out, a.lasts())
	}
	t.say(out, withLength(head, len(a.body)))
	for i, record := int64(0), t.log(out); i < int64(len(a.body)); i += step(rate) {
		part := a.body[i:min(i+step(rate), int64(len(a.body)))]
		if end := t.trickle(out, part, rate); end != UnderWay {
			return end
		}
		_, _ = record.Write(part) // a tape has no errors
	}
	return t.done(out, a.lasts())
}

// step is how much goes out at once, at a rate of so many bytes per second.
func step(rate int64) int64 { return max(1, rate/10) }

// trickle sends b at rate bytes per second, each step after the time that it takes. It returns how the
// exchange ended meanwhile, or UnderWay.
func (t *turn) trickle(out *outlet, b []byte, rate int64) End {
	for len(b) > 0 {
		n := min(step(rate), int64(len(b)))
		if end := t.wait(max(1, time.Duration(n)*time.Second/time.Duration(rate))); end != UnderWay {
			return end
		}
		_, _ = out.Write(b[:n]) // an outlet keeps its error
		if out.err != nil {
			return t.closedOr(Left)
		}
		b = b[n:]
	}
	return UnderWay
}

// mistyped returns the JSON object in body with every value of another type, or an empty
// array.
func mistyped(body []byte) []byte {
	var object map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&object) != nil || object == nil {
		return []byte("[]")
	}
	for name, value := range object {
		object[name] = mistype(value)
	}
	out, err := json.Marshal(object)
	if err != nil { // cannot be: it came from JSON
		return []byte("[]")
	}
	return out
}

func mistype(value any) any {
	switch v := value.(type) {
	case string:
		return map[string]any{"value": v}
	case json.Number:
		return v.String()
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return map[string]any{}
	case map[string]any:
		return []any{}
	default: // null
		return 0
	}
}
