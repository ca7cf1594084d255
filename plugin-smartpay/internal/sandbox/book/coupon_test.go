package book

import "testing"

func TestRedeem(t *testing.T) {
	one, past, minimum := int64(1), int64(1), int64(1001)
	amount := CouponSpec{Name: "c", Amount: 300, Currency: "JPY"}
	tests := map[string]struct {
		coupon CouponSpec
		code   PromotionCodeSpec
		change func(*PromotionCode)
		typed  string
		off    int64 // 0 means refused
	}{
		"an amount":             {coupon: amount, typed: "spring 10", off: 300},
		"more than the order":   {coupon: CouponSpec{Amount: 5000, Currency: "JPY"}, typed: "Spring 10", off: 1000},
		"a percentage":          {coupon: CouponSpec{Percent: true, Percentage: 33}, typed: "SPRING 10", off: 330},
		"blanks around":         {coupon: amount, typed: "  Spring 10 ", off: 300},
		"another code":          {coupon: amount, typed: "Spring"},
		"used up":               {coupon: amount, code: PromotionCodeSpec{MaxRedemptions: new(int64)}, typed: "spring 10"},
		"one use left":          {coupon: amount, code: PromotionCodeSpec{MaxRedemptions: &one}, typed: "spring 10", off: 300},
		"out of date":           {coupon: amount, code: PromotionCodeSpec{Expires: &past}, typed: "spring 10"},
		"below its minimum":     {coupon: amount, code: PromotionCodeSpec{MinimumAmount: &minimum}, typed: "spring 10"},
		"switched off":          {coupon: amount, change: func(p *PromotionCode) { p.Active = false }, typed: "spring 10"},
		"coupon switched off":   {coupon: amount, change: func(p *PromotionCode) { p.Coupon.Active = false }, typed: "spring 10"},
		"coupon out of date":    {coupon: CouponSpec{Amount: 1, Currency: "JPY", Expires: &past}, typed: "spring 10"},
		"coupon used up":        {coupon: CouponSpec{Amount: 1, Currency: "JPY", MaxRedemptions: new(int64)}, typed: "spring 10"},
		"coupon in other money": {coupon: CouponSpec{Amount: 1, Currency: "USD"}, typed: "spring 10"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := newTestBook().Merchant("sk_test_a")
			o := open(t, m, true, false)
			m.Do(Cause{}, func(tx *Tx) {
				tt.code.Code, tt.code.Active = "Spring 10", true
				p, err := tx.CreatePromotionCode(tx.CreateCoupon(tt.coupon).ID.Text(KindCoupon, Test), tt.code)
				if err != nil {
					t.Fatal(err)
				}
				if tt.change != nil {
					tt.change(p)
				}
				if got := tx.Redeem(o, tt.typed); got != (tt.off > 0) {
					t.Fatalf("redeemed %v, want %v", got, tt.off > 0)
				}
				if tt.off > 0 && (o.Discount.Amount != tt.off || p.Redeemed != 1 || p.Coupon.Redeemed != 1) {
					t.Errorf("%d off, redeemed %d and %d times; want %d off, once", o.Discount.Amount, p.Redeemed, p.Coupon.Redeemed, tt.off)
				}
				if tx.Redeem(o, tt.typed); p.Redeemed > 1 {
					t.Errorf("typing the code twice redeems it %d times", p.Redeemed)
				}
			})
		})
	}
}

func TestALaterCodeReplacesAnEarlierOne(t *testing.T) {
	m := newTestBook().Merchant("sk_test_a")
	o := open(t, m, true, false)
	m.Do(Cause{}, func(tx *Tx) {
		var codes []*PromotionCode
		for _, code := range []string{"first", "second"} {
			c := tx.CreateCoupon(CouponSpec{Amount: 10, Currency: "JPY"})
			p, err := tx.CreatePromotionCode(c.ID.Text(KindCoupon, Test), PromotionCodeSpec{Code: code, Active: true})
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, p)
		}
		if !tx.Redeem(o, "first") || !tx.Redeem(o, "second") || codes[0].Redeemed != 0 || codes[1].Redeemed != 1 {
			t.Errorf("redeemed %d and %d times, want 0 and 1", codes[0].Redeemed, codes[1].Redeemed)
		}
	})
}

func TestACodeExistsOnceWhateverItsCase(t *testing.T) {
	m := newTestBook().Merchant("sk_test_a")
	m.Do(Cause{}, func(tx *Tx) {
		id := tx.CreateCoupon(CouponSpec{}).ID.Text(KindCoupon, Test)
		if _, err := tx.CreatePromotionCode(id, PromotionCodeSpec{Code: "Spring"}); err != nil {
			t.Fatal(err)
		}
		if _, err := tx.CreatePromotionCode(id, PromotionCodeSpec{Code: "sPRING"}); codeOf(err) != PromotionCodeExists {
			t.Errorf("the same code again: %v", err)
		}
		if _, err := tx.CreatePromotionCode("coupon_test_1", PromotionCodeSpec{Code: "x"}); codeOf(err) != CouponNotFound {
			t.Errorf("a code for no coupon: %v", err)
		}
	})
}
