package book

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"strings"
	"sync"
)

// Mode separates test objects from live ones; neither can see the other.
type Mode string

// The two modes, as they are spelled inside keys and identifiers.
const (
	Test Mode = "test"
	Live Mode = "live"
)

// Kind is the prefix of an identifier: "order" in "order_test_…".
type Kind string

// Every kind of identifier this provider gives out (smartpay-api.md §2).
const (
	KindSession       Kind = "checkout"
	KindOrder         Kind = "order"
	KindPayment       Kind = "payment"
	KindRefund        Kind = "refund"
	KindToken         Kind = "paytok"
	KindEndpoint      Kind = "webhookendpoint"
	KindCoupon        Kind = "coupon"
	KindPromotionCode Kind = "promotioncode"
	KindLineItem      Kind = "li"
	KindPrice         Kind = "price"
	KindProduct       Kind = "product"
	KindDiscount      Kind = "discount"
	KindEvent         Kind = "evt"
)

// ID is the 128-bit value inside an identifier. The zero ID names nothing.
type ID [16]byte

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Text spells id in full: kind, mode and 20 to 22 base62 digits.
func (id ID) Text(kind Kind, mode Mode) string {
	var buf [22]byte
	hi, lo := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	at := len(buf)
	for hi|lo != 0 || at == len(buf) {
		var rest uint64
		hi, rest = hi/62, hi%62
		lo, rest = bits.Div64(rest, lo, 62)
		at--
		buf[at] = digits[rest]
	}
	return string(kind) + "_" + string(mode) + "_" + string(buf[at:])
}

// ParseID reads back what [ID.Text] wrote. It reports false for another kind,
// the other mode, a value beyond 128 bits or a spelling Text would not choose.
func ParseID(kind Kind, mode Mode, text string) (ID, bool) {
	tail, ok := strings.CutPrefix(text, string(kind)+"_"+string(mode)+"_")
	if !ok || tail == "" || len(tail) > 22 {
		return ID{}, false
	}
	var hi, lo uint64
	for i := range len(tail) {
		digit := strings.IndexByte(digits, tail[i])
		over, top := bits.Mul64(hi, 62)
		if digit < 0 || over != 0 {
			return ID{}, false
		}
		carry, low := bits.Mul64(lo, 62)
		var c uint64
		lo, c = bits.Add64(low, uint64(digit), 0)
		hi, c = bits.Add64(top, carry, c)
		if c != 0 {
			return ID{}, false
		}
	}
	var id ID
	binary.BigEndian.PutUint64(id[:8], hi)
	binary.BigEndian.PutUint64(id[8:], lo)
	return id, id.Text(kind, mode) == text
}

// Derive names the i-th part of the object id: line items, prices and products
// are never stored, so their identifiers have to follow from the order's.
func (id ID) Derive(kind Kind, i int) ID {
	text := make([]byte, 0, 48)
	text = append(append(text, id[:]...), kind...)
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(text, uint64(i)))
	return ID(sum[:16])
}

// source gives out identifiers and secrets. The same seed and epoch give the
// same sequence; it is safe for concurrent use.
type source struct {
	mu  sync.Mutex
	rng *rand.ChaCha8
}

func newSource(seed, epoch uint64) *source {
	s := new(source)
	s.reseed(seed, epoch)
	return s
}

// reseed starts another sequence: that of a seed and of how often the books
// have been opened, or identifiers would repeat after a restart.
func (s *source) reseed(seed, epoch uint64) {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	binary.BigEndian.PutUint64(key[8:], epoch)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rng = rand.NewChaCha8(key)
}

func (s *source) id() ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	var id ID
	binary.BigEndian.PutUint64(id[:8], s.rng.Uint64())
	binary.BigEndian.PutUint64(id[8:], s.rng.Uint64())
	return id
}

// letters gives n base62 characters, the first of which is never 'A': a
// signing secret that starts with A would decode to a key with a leading zero
// byte, about which the provider's own clients disagree (smartpay-api.md §9.5).
func (s *source) letters(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]byte, 0, n)
	for len(out) < n {
		c := digits[s.rng.Uint64()%uint64(len(digits))]
		if len(out) == 0 && c == 'A' {
			continue
		}
		out = append(out, c)
	}
	return string(out)
}
