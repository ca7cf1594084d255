package book

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// Motion is the way money moved.
type Motion string

// The four ways. Authorized money is promised, not paid; released money is a
// promise given back; captured money is paid; refunded money is paid back.
const (
	Authorized Motion = "authorized"
	Captured   Motion = "captured"
	Released   Motion = "released"
	Refunded   Motion = "refunded"
)

// Movement is one line of the provider's ledger. Lines are only ever added.
type Movement struct {
	Seq       int64
	At        int64 // milliseconds since the epoch
	Motion    Motion
	Amount    int64
	Currency  string
	Reference string // the order's, for every motion
	Cause     Cause
	Merchant  *Merchant `json:"-"`
	Order     ID
	Payment   ID // zero unless captured or refunded
	Refund    ID // zero unless refunded
}

// movements is the ledger itself.
type movements struct {
	mu    sync.Mutex
	lines []Movement
}

func (l *movements) add(line Movement) Movement {
	l.mu.Lock()
	defer l.mu.Unlock()
	line.Seq = int64(len(l.lines) + 1)
	l.lines = append(l.lines, line)
	return line
}

// Movements calls visit with every line, oldest first, until it returns false.
// The lines it sees are those that were there when it was called.
func (b *Book) Movements(visit func(Movement) bool) {
	b.moves.mu.Lock()
	lines := b.moves.lines[:len(b.moves.lines):len(b.moves.lines)]
	b.moves.mu.Unlock()
	for _, line := range lines {
		if !visit(line) {
			return
		}
	}
}

// move writes one line. Nothing moves when the amount is zero.
func (tx *Tx) move(motion Motion, o *Order, payment, refund ID, amount int64) {
	if amount == 0 {
		return
	}
	tx.moved = append(tx.moved, tx.m.book.moves.add(Movement{
		At: tx.ms(), Motion: motion, Amount: amount, Currency: o.Currency, Reference: o.Reference,
		Cause: tx.cause, Merchant: tx.m, Order: o.ID, Payment: payment, Refund: refund,
	}))
}

// Fingerprint names a secret key without giving it away.
func Fingerprint(secretKey string) string { return nameOf(hashOf(secretKey)) }

// hashOf is how the books know a secret key: they never keep the key itself.
func hashOf(secretKey string) string {
	sum := sha256.Sum256([]byte(secretKey))
	return hex.EncodeToString(sum[:])
}

func nameOf(keyHash string) string { return "merchant-" + keyHash[:8] }
