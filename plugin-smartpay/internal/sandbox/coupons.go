package sandbox

import (
	"math"

	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/book"
	"github.com/connectorhost/connectorhost/plugin-smartpay/internal/sandbox/wire"
)

func (s *Server) createCoupon(c *call) (action, error) {
	in, err := c.input()
	if err != nil {
		return nil, err
	}
	in.require("name", "discountType")
	spec := book.CouponSpec{
		Name: in.text("name", 1, maxText), Percent: in.choice("discountType", "amount", "percentage") == "percentage",
		Amount: in.integer("discountAmount", 0, maxAmount), Percentage: in.integer("discountPercentage", 0, 100),
		Currency: in.currency("currency"), Expires: in.integerOrNil("expiresAt", 0, math.MaxInt64),
		MaxRedemptions: in.integerOrNil("maxRedemptionCount", 0, maxAmount), Metadata: in.metadata("metadata"),
	}
	if spec.Percent {
		in.require("discountPercentage")
	} else {
		in.require("discountAmount", "currency")
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		return ok(wire.NewCoupon(c.merchant.Mode, tx.CreateCoupon(spec))), nil
	}, nil
}

func (s *Server) getCoupon(c *call) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		coupon, err := tx.Coupon(c.target.params["id"])
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewCoupon(c.merchant.Mode, coupon)), nil
	}, nil
}

func (s *Server) listCoupons(c *call) (action, error) {
	return list(c, (*book.Tx).Coupons, func(coupon *book.Coupon, _ bool) wire.Coupon {
		return wire.NewCoupon(c.merchant.Mode, coupon)
	})
}

func (s *Server) updateCoupon(c *call) (action, error) {
	in, err := c.input()
	if err != nil {
		return nil, err
	}
	change := book.CouponChange{
		Name: in.textOrNil("name", 1, maxText), Active: in.flag("active"), Metadata: in.metadata("metadata"),
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		coupon, err := tx.UpdateCoupon(c.target.params["id"], change)
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewCoupon(c.merchant.Mode, coupon)), nil
	}, nil
}

func (s *Server) createPromotionCode(c *call) (action, error) {
	in, err := c.input()
	if err != nil {
		return nil, err
	}
	in.require("code", "coupon")
	if in.has("minimumAmount") {
		in.require("currency")
	}
	couponID := in.text("coupon", 1, maxText)
	spec := book.PromotionCodeSpec{
		Code: in.text("code", 1, maxText), Active: is(in.flag("active"), true), Currency: in.currency("currency"),
		MinimumAmount: in.integerOrNil("minimumAmount", 0, maxAmount), Expires: in.integerOrNil("expiresAt", 0, math.MaxInt64),
		FirstTransaction: is(in.flag("firstTimeTransaction"), false), OnePerCustomer: is(in.flag("onePerCustomer"), false),
		MaxRedemptions: in.integerOrNil("maxRedemptionCount", 0, maxAmount), Metadata: in.metadata("metadata"),
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		code, err := tx.CreatePromotionCode(couponID, spec)
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewPromotionCode(c.merchant.Mode, code)), nil
	}, nil
}

func is(flag *bool, otherwise bool) bool {
	if flag == nil {
		return otherwise
	}
	return *flag
}

func (s *Server) getPromotionCode(c *call) (action, error) {
	return func(tx *book.Tx) (answer, error) {
		code, err := tx.PromotionCode(c.target.params["id"])
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewPromotionCode(c.merchant.Mode, code)), nil
	}, nil
}

func (s *Server) listPromotionCodes(c *call) (action, error) {
	return list(c, (*book.Tx).PromotionCodes, func(code *book.PromotionCode, _ bool) wire.PromotionCode {
		return wire.NewPromotionCode(c.merchant.Mode, code)
	})
}

func (s *Server) updatePromotionCode(c *call) (action, error) {
	in, err := c.input()
	if err != nil {
		return nil, err
	}
	active, metadata := in.flag("active"), in.metadata("metadata")
	if err := in.err(); err != nil {
		return nil, err
	}
	return func(tx *book.Tx) (answer, error) {
		code, err := tx.UpdatePromotionCode(c.target.params["id"], active, metadata)
		if err != nil {
			return answer{}, err
		}
		return ok(wire.NewPromotionCode(c.merchant.Mode, code)), nil
	}, nil
}
