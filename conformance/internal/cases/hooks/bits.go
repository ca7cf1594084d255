package hooks

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/connectorhost/connectorhost/conformance/internal/suite"
	"github.com/connectorhost/connectorhost/sdk"
)

// A flip is one bit of a delivery that is turned over: in the body, or in a header.
type flip struct {
	header string // "" for the body
	bit    int    // from the beginning
}

func (f flip) String() string {
	if f.header == "" {
		return fmt.Sprintf("bit %d of the body", f.bit)
	}
	return fmt.Sprintf("bit %d of %s", f.bit, f.header)
}

func (f flip) in(r *sdk.WebhookRequest) {
	if f.header == "" {
		r.Body[f.bit/8] ^= 1 << (f.bit % 8)
		return
	}
	value := []byte(r.Headers[f.header][0])
	value[f.bit/8] ^= 1 << (f.bit % 8)
	r.Headers[f.header] = []string{string(value)}
}

// mostFlipped is how much of a body is flipped, in bytes.
const mostFlipped = 4 << 10

var anyBit = suite.Case{
	ID: "hooks/any-bit", Requirement: "PC-HOOK-004", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Rule: "One bit of the body or of what proves it, turned over at random, and the delivery is refused.",
	Why:  "A signature over less than everything lets a forger write the rest.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return flipped(ctx, l, func(headers map[string]int, body int) []flip {
			var flips []flip
			for name, length := range headers {
				for at := range length {
					flips = append(flips, flip{name, at*8 + l.IntN(7)}) // a header is ASCII: its eighth bits are 0
				}
			}
			for range min(96, body) {
				flips = append(flips, flip{"", l.IntN(body * 8)})
			}
			return flips
		})
	},
}

var everyBit = suite.Case{
	ID: "hooks/every-bit", Requirement: "PC-HOOK-004", Profile: suite.Webhooks, Needs: needs, Sim: true, Uses: uses,
	Slow: true, Timeout: time.Minute,
	Rule: "Every bit of the first 4 kB of a body and of what proves it, turned over alone, has the delivery refused.",
	Why:  "A signature over less than everything lets a forger write the rest.",
	Run: func(ctx context.Context, l *suite.Lane) error {
		return flipped(ctx, l, func(headers map[string]int, body int) []flip {
			var flips []flip
			for name, length := range headers {
				for bit := range length * 8 {
					if bit%8 != 7 {
						flips = append(flips, flip{name, bit})
					}
				}
			}
			for bit := range min(body, mostFlipped) * 8 {
				flips = append(flips, flip{"", bit})
			}
			return spread(flips, l.Tries(len(flips)))
		})
	},
}

// spread picks n of all, evenly.
func spread[T any](all []T, n int) []T {
	picked := make([]T, n)
	for i := range picked {
		picked[i] = all[i*len(all)/n]
	}
	return picked
}

// flippers is how many bits are tried at the same time.
const flippers = 8

// flipped reads a genuine delivery with each of the chosen bits turned over. The calls
// are too many to be put on the lane's tape.
func flipped(ctx context.Context, l *suite.Lane, choose func(headers map[string]int, body int) []flip) error {
	m, err := received(ctx, l)
	if err != nil {
		return err
	}
	names, err := m.bearing(ctx)
	if err != nil {
		return err
	}
	lengths := map[string]int{}
	for _, name := range names {
		lengths[name] = len(m.sent.Headers[name][0])
	}
	flips := choose(lengths, len(m.sent.Body))
	wrong := make([]error, flippers)
	var all sync.WaitGroup
	for i := range flippers {
		all.Go(func() {
			for at := i; at < len(flips) && wrong[i] == nil; at += flippers {
				reading, err := l.Process.ReadWebhook(ctx, m.request(flips[at].in))
				wrong[i] = unbelieved("reading a delivery with "+flips[at].String()+" turned over", reading, err)
			}
		})
	}
	all.Wait()
	for _, err := range wrong {
		if err != nil {
			return err
		}
	}
	return m.believed(ctx, "reading the delivery as it came", nil)
}
