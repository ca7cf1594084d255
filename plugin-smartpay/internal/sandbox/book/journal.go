package book

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// journal keeps the books in a file: one line for every change, holding what
// the change made of the objects it touched. The last line about an object is
// what it is. A line is written, whole, before anyone hears of the change, so
// the books survive the sudden end of the process at any moment. They are not
// forced to the disk with every line: a machine that loses power may lose the
// last few.
//
// A nil journal keeps nothing. It is safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	file *os.File
	lock *os.File
	err  error // why it stopped keeping
}

// entry is one line. All parts are optional.
type entry struct {
	Seed   uint64 `json:"seed,omitempty"`
	Epoch  uint64 `json:"epoch,omitempty"` // how often the books have been opened
	Secret string `json:"secret,omitempty"`
	Ahead  int64  `json:"ahead,omitempty"` // the clock, in nanoseconds

	Merchant   string         `json:"merchant,omitempty"` // hash of the secret key
	Mode       Mode           `json:"mode,omitempty"`
	Sessions   []sessionRow   `json:"sessions,omitempty"`
	Orders     []orderRow     `json:"orders,omitempty"`
	Payments   []paymentRow   `json:"payments,omitempty"`
	Refunds    []refundRow    `json:"refunds,omitempty"`
	Tokens     []*Token       `json:"tokens,omitempty"`
	Endpoints  []*Endpoint    `json:"endpoints,omitempty"`
	Coupons    []*Coupon      `json:"coupons,omitempty"`
	Promotions []promotionRow `json:"promotions,omitempty"`
	Moves      []Movement     `json:"moves,omitempty"`
	Forget     bool           `json:"forget,omitempty"`
	Replies    []replyRow     `json:"replies,omitempty"`
	Owed       []*Delivery    `json:"owed,omitempty"`
	Settled    []int64        `json:"settled,omitempty"`
}

// Rows are objects with identifiers in place of the objects they lead to.
type (
	sessionRow struct {
		*Session
		OrderID, TokenID ID
	}
	orderRow struct {
		*Order
		TokenID, PromotionID ID
	}
	paymentRow struct {
		*Payment
		OrderID ID
	}
	refundRow struct {
		*Refund
		PaymentID ID
	}
	promotionRow struct {
		*PromotionCode
		CouponID ID
	}
	replyRow struct {
		Scope, Body scopeHash
		At          int64
		Status      int
		Text        []byte `json:",omitempty"`
		SessionID   ID
		Base        string `json:",omitempty"`
	}
)

// MarshalText implements [encoding.TextMarshaler].
func (id ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (id *ID) UnmarshalText(text []byte) error { return unhex(id[:], text) }

// MarshalText implements [encoding.TextMarshaler].
func (h scopeHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (h *scopeHash) UnmarshalText(text []byte) error { return unhex(h[:], text) }

func unhex(into, text []byte) error {
	if len(text) != 2*len(into) {
		return fmt.Errorf("%q: must have %d hexadecimal digits", text, 2*len(into))
	}
	_, err := hex.Decode(into, text)
	return err
}

// keep writes what a change has made of things.
func (j *journal) keep(tx *Tx, due []*Delivery) {
	if j == nil || len(tx.touched) == 0 && len(tx.moved) == 0 && len(tx.remembered) == 0 && len(due) == 0 && !tx.forgot {
		return
	}
	e := entry{
		Merchant: tx.m.key, Mode: tx.m.Mode, Moves: tx.moved, Forget: tx.forgot, Replies: tx.remembered, Owed: due,
	}
	for _, object := range tx.touched {
		e.add(object)
	}
	j.write(e)
}

func (e *entry) add(object any) {
	switch o := object.(type) {
	case *Session:
		e.Sessions = append(e.Sessions, rowOfSession(o))
	case *Order:
		e.Orders = append(e.Orders, rowOfOrder(o))
	case *Payment:
		e.Payments = append(e.Payments, paymentRow{o, o.Order.ID})
	case *Refund:
		e.Refunds = append(e.Refunds, refundRow{o, o.Payment.ID})
	case *Token:
		e.Tokens = append(e.Tokens, o)
	case *Endpoint:
		e.Endpoints = append(e.Endpoints, o)
	case *Coupon:
		e.Coupons = append(e.Coupons, o)
	case *PromotionCode:
		e.Promotions = append(e.Promotions, promotionRow{o, o.Coupon.ID})
	}
}

func rowOfSession(s *Session) sessionRow {
	row := sessionRow{Session: s}
	if s.Order != nil {
		row.OrderID = s.Order.ID
	}
	if s.Token != nil {
		row.TokenID = s.Token.ID
	}
	return row
}

func rowOfOrder(o *Order) orderRow {
	row := orderRow{Order: o}
	if o.Token != nil {
		row.TokenID = o.Token.ID
	}
	if o.Discount != nil {
		row.PromotionID = o.Discount.PromotionCode.ID
	}
	return row
}

// write adds a line. After a failure nothing more is kept and [Book.Err] says why.
func (j *journal) write(e entry) {
	if j == nil {
		return
	}
	line, err := spell(e)
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return
	}
	if err == nil {
		_, err = j.file.Write(line)
	}
	if err != nil {
		j.err = fmt.Errorf("state file: %w", err)
	}
}

// checksum is how many bytes stand before the text of a line: eight digits and a blank.
const checksum = 9

// spell writes an entry as a line that can be told from half of one.
func spell(e entry) ([]byte, error) {
	line := bytes.NewBuffer(make([]byte, checksum, 512))
	enc := json.NewEncoder(line)
	enc.SetEscapeHTML(false) // text comes back to the byte
	if err := enc.Encode(e); err != nil {
		return nil, err
	}
	text := line.Bytes()[checksum : line.Len()-1]
	copy(line.Bytes(), fmt.Appendf(nil, "%08x ", crc32.ChecksumIEEE(text)))
	return line.Bytes(), nil
}

func unspell(line []byte) (e entry, err error) {
	sum, text, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !ok || err != nil || uint32(want) != crc32.ChecksumIEEE(text) {
		return e, errors.New("the line is damaged")
	}
	return e, json.Unmarshal(text, &e)
}

// read calls fold with every entry of a file. Half a line at the very end is
// what a sudden end leaves behind and counts for nothing; damage anywhere else
// is an error.
func read(file io.Reader, fold func(entry) error) error {
	lines := bufio.NewReaderSize(file, 1<<20)
	for n := 1; ; n++ {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		e, err := unspell(line)
		if err == nil {
			err = fold(e)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// Keep reads the books from a file, if there is one, and keeps them there from
// now on. It must be called before anything else is done with the book. Another
// process that keeps its books in the same file is an error.
func (b *Book) Keep(path string) error {
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("%s: in use by another process: %w", path, err), lock.Close())
	}
	file, err := b.reopen(path)
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w", path, err), lock.Close())
	}
	b.journal = &journal{file: file, lock: lock}
	return nil
}

// reopen reads a file and puts a new one in its place that holds nothing twice.
func (b *Book) reopen(path string) (*os.File, error) {
	epoch := uint64(0)
	old, err := os.Open(path)
	switch {
	case err == nil:
		err = read(old, func(e entry) error {
			epoch = max(epoch, e.Epoch)
			return b.fold(e)
		})
		if err = errors.Join(err, old.Close()); err != nil {
			return nil, err
		}
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	for _, m := range b.Merchants() {
		m.restart()
	}
	b.ids.reseed(b.seed, epoch+1)
	fresh, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return nil, err
	}
	if err = b.dump(fresh, epoch+1); err == nil {
		err = fresh.Sync()
	}
	if err == nil {
		err = os.Rename(fresh.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(err, fresh.Close(), os.Remove(fresh.Name()))
	}
	return fresh, nil
}

// Err tells why the books are no longer kept, or nil.
func (b *Book) Err() error {
	if b.journal == nil {
		return nil
	}
	b.journal.mu.Lock()
	defer b.journal.mu.Unlock()
	return b.journal.err
}

// Close forces what is kept to the disk and lets go of the file.
func (b *Book) Close() error {
	if b.journal == nil {
		return nil
	}
	j := b.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	err := errors.Join(j.file.Sync(), j.file.Close(), j.lock.Close())
	j.file, j.err = nil, os.ErrClosed
	return err
}

// Advance moves the clock forward, for good.
func (b *Book) Advance(d time.Duration) {
	b.clock.Advance(d)
	b.journal.write(entry{Ahead: int64(b.clock.Ahead())})
}
