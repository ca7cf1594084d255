package provider

import (
	"crypto/sha256"
	"net/http"
	"regexp"
	"time"

	"github.com/connectorhost/connectorhost/conformance/sim"
)

// A use is what an idempotency key was used for. The record outlives the key's
// lifetime, so that an old key is refused and never taken for a new one.
type use struct {
	request [sha256.Size]byte // method, path and body
	about   string            // reference of the payment that it was about
	at      time.Time
	busy    time.Time // until when it is in progress
	status  int
	body    []byte
}

var keyForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,64}$`)

// once answers a write: from memory if its key has been used. What took effect or was
// declined is remembered; a request that was refused has used nothing up.
func (p *Provider) once(c *call, do operation) (status int, body []byte) {
	if !keyForm.MatchString(c.key) {
		return render(0, nil, invalid("/idempotency-key", "must be a header of 1 to 64 letters, digits, - and _"))
	}
	print := sha256.Sum256([]byte(c.endpoint + "\n" + c.id + "\n" + string(c.body)))
	if seen := c.merchant.uses[c.key]; seen != nil {
		c.reference = seen.about
		switch {
		case p.now().Sub(seen.at) >= p.options.KeyLifetime:
			return render(0, nil, &refusal{
				status: http.StatusGone, code: "key_expired", message: "the idempotency key was used too long ago",
			})
		case seen.request != print:
			return render(0, nil, conflict("key_reused", "the idempotency key was used for another request"))
		case p.now().Before(seen.busy):
			return render(0, nil, inProgress())
		}
		c.replayed = true
		return seen.status, seen.body
	}
	if p.fires(c.merchant, sim.FaultKeyError) != nil {
		status, body = render(0, nil, &refusal{
			status: http.StatusInternalServerError, code: "internal", message: "something went wrong",
		})
		c.merchant.uses[c.key] = &use{request: print, at: p.now(), status: status, body: body}
		return status, body
	}
	status, body = render(do(p, c))
	if status >= 300 && status != http.StatusPaymentRequired {
		return status, body
	}
	used := &use{request: print, about: c.reference, at: p.now(), status: status, body: body}
	c.merchant.uses[c.key], c.acted = used, true
	if f := p.fires(c.merchant, sim.FaultKeyBusy); f != nil {
		used.busy = used.at.Add(milliseconds(f.Milliseconds))
		return render(0, nil, inProgress())
	}
	return status, body
}

func inProgress() *refusal {
	return conflict("key_in_progress", "the request with this idempotency key is still being worked on")
}
