/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What follows "sim:": every key, and what is said about every mistake. */
#include "device/sim/options.h"
#include "t.h"

static void test_defaults(void)
{
	struct sim_options o;

	T_OK(sim_options_parse("sim", &o, NULL));
	T_EQ(o.channels, 1);
	T_EQ(o.pattern, SIM_PATTERN_SEQ);
	T_EQ(o.working_set, 0);
	T_EQ(o.write_percent, 50);
	T_EQ(o.rate, 0);
	T_EQ(o.count, 0);
	T_EQ(o.group, 1);
	T_EQ(o.depth, 1);
	T_EQ(o.credits, 64);
	T_EQ(o.n_pasids, 0);
	T_EQ(o.seed, 1);
	T_EQ(o.verify, true);
	T_EQ(o.corrupt, 0);
	T_STREQ(o.present, "");
}

static void test_all_keys(void)
{
	struct sim_options o;

	T_OK(sim_options_parse("sim:channels=3,pattern=zipf,working-set=2M,write=0%,rate=1000,count=77,"
			       "group=64,depth=8,credits=512,pasid=5+1048575,seed=0,verify=yes,corrupt=100,"
			       "present=/run/there", &o, NULL));
	T_STREQ(o.present, "/run/there");
	T_EQ(o.channels, 3);
	T_EQ(o.pattern, SIM_PATTERN_ZIPF);
	T_EQ(o.working_set, 2 << 20);
	T_EQ(o.write_percent, 0);
	T_EQ(o.rate, 1000);
	T_EQ(o.count, 77);
	T_EQ(o.group, 64);
	T_EQ(o.depth, 8);
	T_EQ(o.credits, 512);
	T_EQ(o.n_pasids, 2);
	T_EQ(o.pasids[0], 5);
	T_EQ(o.pasids[1], 1048575);
	T_EQ(o.seed, 0);
	T_EQ(o.verify, true);
	T_EQ(o.corrupt, 100);
	T_OK(sim_options_parse("sim:pattern=stride,working-set=1T,count=max,write=100%", &o, NULL));
	T_EQ(o.pattern, SIM_PATTERN_STRIDE);
	T_EQ(o.working_set, 1ll << 40);
	T_ASSERT(o.count == SIM_COUNT_MAX);
	T_OK(sim_options_parse("sim:working-set=8192,pattern=random,verify=no", &o, NULL));
	T_EQ(o.working_set, 8192);
	T_EQ(o.pattern, SIM_PATTERN_RANDOM);
	T_EQ(o.verify, false);
}

static void test_errors(void)
{
	static const struct {
		const char *address;
		const char *text;
	} cases[] = {
		{ "sim:", "sim option \"\": expected KEY=VALUE" },
		{ "sim:group=1,", "sim option \"\": expected KEY=VALUE" },
		{ "sim:verify", "sim option \"verify\": expected KEY=VALUE" },
		{ "sim:Group=1", "unknown sim option \"Group\": expected channels, pattern, working-set, write, rate, "
				 "count, group, depth, credits, pasid, seed, verify, corrupt or present" },
		{ "sim:present=there", "present=there: expected the whole path of a file, at most 255 characters" },
		{ "sim:present=", "present=: expected the whole path of a file, at most 255 characters" },
		{ "sim:present=/run/", "present=/run/: expected the whole path of a file, at most 255 characters" },
		{ "sim:seed=1,seed=1", "sim option \"seed\" is given twice" },
		{ "sim:channels=0", "channels=0: expected a whole number from 1 to 64" },
		{ "sim:channels=65", "channels=65: expected a whole number from 1 to 64" },
		{ "sim:pattern=linear", "pattern=linear: expected seq, random, zipf or stride" },
		{ "sim:working-set=", "working-set=: expected a size such as 64M (K, M, G, T)" },
		{ "sim:working-set=M", "working-set=M: expected a size such as 64M (K, M, G, T)" },
		{ "sim:working-set=64m", "working-set=64m: expected a size such as 64M (K, M, G, T)" },
		{ "sim:working-set=16777216T", "working-set=16777216T: expected a size such as 64M (K, M, G, T)" },
		{ "sim:working-set=0", "working-set=0: expected a multiple of 4K" },
		{ "sim:working-set=5000", "working-set=5000: expected a multiple of 4K" },
		{ "sim:write=50", "write=50: expected a share from 0% to 100%" },
		{ "sim:write=101%", "write=101%: expected a share from 0% to 100%" },
		{ "sim:write=%", "write=%: expected a share from 0% to 100%" },
		{ "sim:rate=-1", "rate=-1: expected a whole number from 0 to 1000000000" },
		{ "sim:count=maximum", "count=maximum: expected a whole number or max" },
		{ "sim:count=99999999999999999999", "count=99999999999999999999: expected a whole number or max" },
		{ "sim:group=65", "group=65: expected a whole number from 1 to 64" },
		{ "sim:depth=0x10", "depth=0x10: expected a whole number from 1 to 1024" },
		{ "sim:credits=0", "credits=0: expected a whole number from 1 to 65536" },
		{ "sim:pasid=0", "pasid=0: expected numbers from 1 to 1048575, joined by +" },
		{ "sim:pasid=1048576", "pasid=1048576: expected numbers from 1 to 1048575, joined by +" },
		{ "sim:pasid=1+", "pasid=1+: expected numbers from 1 to 1048575, joined by +" },
		{ "sim:pasid=7+8+7", "pasid=7+8+7: 7 is given twice" },
		{ "sim:pasid=1+2+3+4+5+6+7+8+9+10+11+12+13+14+15+16+17",
		  "pasid=1+2+3+4+5+6+7+8+9+10+11+12+13+14+15+16+17: expected at most 16 numbers" },
		{ "sim:seed= 1", "seed= 1: expected a whole number, 0 or more" },
		{ "sim:verify=true", "verify=true: expected yes or no" },
		{ "sim:verify=no,corrupt=5", "corrupt=5: nobody would see it with verify=no" },
		{ "sim:corrupt=x", "corrupt=x: expected a whole number, 0 or more" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sim_options o = { .channels = 99 };
		struct reason why = { 0 };

		T_EQ(sim_options_parse(cases[i].address, &o, &why), -EINVAL);
		T_EQ(why.error, EINVAL);
		T_STREQ(why.text, cases[i].text);
		T_EQ(o.channels, 99);
	}
}

static void test_claims(void)
{
	struct reason why = { 0 };

	T_ASSERT(device_sim_ops.claims("sim", &why));
	T_EQ(why.error, 0);
	T_ASSERT(device_sim_ops.claims("sim:depth=2", &why));
	T_EQ(why.error, 0);
	T_ASSERT(!device_sim_ops.claims("simulator", &why));
	T_ASSERT(!device_sim_ops.claims("0000:3d:00.0", &why));
	T_ASSERT(device_sim_ops.claims("sim:depth=no", &why));
	T_EQ(why.error, EINVAL);
	T_STREQ(why.text, "depth=no: expected a whole number from 1 to 1024");
}

int main(void)
{
	t_run(test_defaults);
	t_run(test_all_keys);
	t_run(test_errors);
	t_run(test_claims);
	return 0;
}
