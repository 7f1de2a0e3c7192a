/** linux/pkt_sched.h, linux/pkt_cls.h and linux/rtnetlink.h: traffic control. */

export const TCA_KIND = 1;
export const TCA_OPTIONS = 2;
export const TCA_CHAIN = 11;
export const TCA_INGRESS_BLOCK = 13;
export const TCA_EGRESS_BLOCK = 14;

export const TC_H_ROOT = 0xffffffff;
export const TC_H_CLSACT = 0xfffffff1;
/** The handle that the kernel gives to an ingress or clsact qdisc. */
export const TC_H_CLSACT_HANDLE = 0xffff0000;
/** Parents of filters on the two sides of a clsact qdisc. */
export const TC_H_MIN_INGRESS = 0xfffffff2;
export const TC_H_MIN_EGRESS = 0xfffffff3;

/** In place of an ifindex: the parent field is the number of a shared block. */
export const TCM_IFINDEX_MAGIC_BLOCK = 0xffffffff;

export const TCA_BPF_FD = 6;
export const TCA_BPF_NAME = 7;
export const TCA_BPF_FLAGS = 8;
export const TCA_BPF_TAG = 10;
export const TCA_BPF_ID = 11;

export const TCA_BPF_FLAG_ACT_DIRECT = 1;

export const ETH_P_ALL = 0x0003;
