package book

import (
	"encoding/json"
	"math/bits"
	"strings"
)

// Coupon is a discount a merchant offers. Exactly one of Amount and Percentage
// is meant, as Percent says.
type Coupon struct {
	CouponSpec
	ID       ID
	Created  int64
	Updated  int64
	Active   bool
	Redeemed int64
}

// CouponSpec is what a merchant says to create a coupon.
type CouponSpec struct {
	Name           string
	Percent        bool
	Amount         int64
	Percentage     int64
	Currency       string
	Expires        *int64
	MaxRedemptions *int64
	Metadata       json.RawMessage `json:",omitempty"`
}

// CouponChange is what may be changed later; nil leaves be.
type CouponChange struct {
	Name     *string
	Active   *bool
	Metadata json.RawMessage `json:",omitempty"`
}

// CreateCoupon adds a coupon.
func (tx *Tx) CreateCoupon(spec CouponSpec) *Coupon {
	c := &Coupon{CouponSpec: spec, ID: tx.id(), Created: tx.ms(), Updated: tx.ms(), Active: true}
	insert(tx, &tx.m.coupons, c.ID, c)
	tx.emit(CouponCreated, c)
	return c
}

// Coupon finds a coupon.
func (tx *Tx) Coupon(id string) (*Coupon, error) {
	if c, ok := find(tx, &tx.m.coupons, KindCoupon, id); ok {
		return c, nil
	}
	return nil, missing(CouponNotFound, id)
}

// Coupons lists coupons from a position, newest first.
func (tx *Tx) Coupons(from, limit int) Page[Coupon] { return tx.m.coupons.page(from, limit, nil) }

// UpdateCoupon changes a coupon.
func (tx *Tx) UpdateCoupon(id string, change CouponChange) (*Coupon, error) {
	c, err := tx.Coupon(id)
	if err != nil {
		return nil, err
	}
	set(&c.Name, change.Name)
	set(&c.Active, change.Active)
	if change.Metadata != nil {
		c.Metadata = change.Metadata
	}
	c.Updated = tx.ms()
	tx.touch(c)
	tx.emit(CouponUpdated, c)
	return c, nil
}

// PromotionCode is what a buyer types to get a coupon's discount.
type PromotionCode struct {
	PromotionCodeSpec
	ID       ID
	Created  int64
	Updated  int64
	Coupon   *Coupon `json:"-"`
	Redeemed int64
}

// PromotionCodeSpec is what a merchant says to create a promotion code.
type PromotionCodeSpec struct {
	Code             string
	Active           bool
	Currency         string
	MinimumAmount    *int64
	Expires          *int64
	FirstTransaction bool
	OnePerCustomer   bool
	MaxRedemptions   *int64
	Metadata         json.RawMessage `json:",omitempty"`
}

// CreatePromotionCode adds a code for a coupon. Codes are unique for a
// merchant, whatever their case.
func (tx *Tx) CreatePromotionCode(couponID string, spec PromotionCodeSpec) (*PromotionCode, error) {
	c, err := tx.Coupon(couponID)
	if err != nil {
		return nil, err
	}
	folded := strings.ToLower(spec.Code)
	if tx.m.codes[folded] != nil {
		return nil, refuse(PromotionCodeExists, "the code %q exists already", spec.Code)
	}
	p := &PromotionCode{PromotionCodeSpec: spec, ID: tx.id(), Created: tx.ms(), Updated: tx.ms(), Coupon: c}
	insert(tx, &tx.m.promotions, p.ID, p)
	tx.m.codes[folded] = p
	tx.emit(PromotionCodeCreated, p)
	return p, nil
}

// PromotionCode finds a promotion code by its identifier.
func (tx *Tx) PromotionCode(id string) (*PromotionCode, error) {
	if p, ok := find(tx, &tx.m.promotions, KindPromotionCode, id); ok {
		return p, nil
	}
	return nil, missing(PromotionCodeNotFound, id)
}

// PromotionCodes lists promotion codes from a position, newest first.
func (tx *Tx) PromotionCodes(from, limit int) Page[PromotionCode] {
	return tx.m.promotions.page(from, limit, nil)
}

// UpdatePromotionCode changes a promotion code; nil leaves be.
func (tx *Tx) UpdatePromotionCode(id string, active *bool, metadata json.RawMessage) (*PromotionCode, error) {
	p, err := tx.PromotionCode(id)
	if err != nil {
		return nil, err
	}
	set(&p.Active, active)
	if metadata != nil {
		p.Metadata = metadata
	}
	p.Updated = tx.ms()
	tx.touch(p)
	tx.emit(PromotionCodeUpdated, p)
	return p, nil
}

// Discount is what a promotion code took off an order.
type Discount struct {
	ID            ID
	Created       int64
	Amount        int64
	PromotionCode *PromotionCode `json:"-"`
}

// Redeem applies a promotion code to an order that waits for approval. It
// reports false, and changes nothing, when the code is unknown, used up, out of
// date, switched off, or below its minimum. A later code replaces an earlier one.
//
// [UNK] Whether a discount lowers what the merchant can capture. Here it does
// not: the order's amount stays "the intended total" and discountAmount says
// what the buyer was spared.
func (tx *Tx) Redeem(o *Order, code string) bool {
	p := tx.m.codes[strings.ToLower(strings.TrimSpace(code))]
	if p == nil || o.Status != RequiresAuthorization || !tx.redeemable(p, o) {
		return false
	}
	if o.Discount != nil {
		if o.Discount.PromotionCode == p {
			return true
		}
		tx.unredeem(o)
	}
	o.Discount = &Discount{ID: tx.id(), Created: tx.ms(), Amount: p.Coupon.off(o.Amount), PromotionCode: p}
	p.Redeemed++
	p.Coupon.Redeemed++
	o.Updated = tx.ms()
	tx.touch(o, p, p.Coupon)
	return true
}

func (tx *Tx) unredeem(o *Order) {
	o.Discount.PromotionCode.Redeemed--
	o.Discount.PromotionCode.Coupon.Redeemed--
	tx.touch(o, o.Discount.PromotionCode, o.Discount.PromotionCode.Coupon)
	o.Discount = nil
}

func (tx *Tx) redeemable(p *PromotionCode, o *Order) bool {
	if o.Discount != nil && o.Discount.PromotionCode == p {
		return true
	}
	c := p.Coupon
	switch {
	case !p.Active || !c.Active:
		return false
	case past(p.Expires, tx.ms()) || past(c.Expires, tx.ms()):
		return false
	case reached(p.MaxRedemptions, p.Redeemed) || reached(c.MaxRedemptions, c.Redeemed):
		return false
	case p.MinimumAmount != nil && o.Amount < *p.MinimumAmount:
		return false
	}
	return c.Percent || c.Currency == o.Currency
}

// off is the discount on an amount: never more than the amount, and a
// percentage rounds down to a whole yen [UNK].
func (c *Coupon) off(amount int64) int64 {
	if !c.Percent {
		return min(c.Amount, amount)
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(c.Percentage))
	share, _ := bits.Div64(hi, lo, 100)
	return int64(share)
}

func past(expires *int64, now int64) bool { return expires != nil && *expires <= now }
func reached(limit *int64, n int64) bool  { return limit != nil && n >= *limit }
