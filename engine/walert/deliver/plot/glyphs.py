"""The letters of the plots: printable ASCII, `·` and `…` of Aileron Regular (Sora Sagano, CC0 1.0) at 23 pixels.

Made once by rendering each letter with FreeType and keeping 16 levels of grey: a plot needs neither a font file nor a library for one.
"""

from __future__ import annotations

import base64
import zlib
from functools import lru_cache

HEIGHT = 24
"""Pixels of a line of text, from the top of the capitals' accents to the descenders' bottom."""
BASELINE = 18
"""Pixels from the top of a line to its baseline."""

LETTERS = "".join(map(chr, range(32, 127))) + "·…"

_ATLAS = (
    "c-rM1*_Q06&FnkOBsuy2PYnXwY@(~GtCu;sewdz;F^kYH!4=0ZJ!1bVb<d%rM&U8V3r@S|P(gh>uzq=}=ZH_k&zXEzKk*H$n{^nHc!3ip%><{yr;"
    "w8G;8f_8Q6H0JU0WAZa7oe9KjHTdC{9ZM)Fm5IbloRRrjR>IT68NkKIH*5C(}HQWaOGBI{&wx@Kh@<NjIntDVPGt_-M53%U1eA;2Colj#ToTsgx>"
    "WY`PE{A}Md{mXdJJgeA-J!&AmGJT@^lGr-LV1qJRLru28%i$q*<B11^b;}fFpacQ0#@PVj(#I^;>mpO7+h@%)DXhXx_AD~Nx=okVn<K11{BZMfJN"
    "%CrS(|9znyvno8SImy>Gp$6m_AlZ%|2m&ch!K%IDkekL9nX8r;X^NbdNXAo%Rs5UxW<clr)9k7na7iLi)6nsN3!R5F@MG4O@h2}Dm<$!gW(e{!`g"
    "Dwhm=f6MaV_L=hu159XZGKt#N?gRwM`OY717$(o9jlw4}-298fmbr;25NFD%-+sya#25Mg?`)c8A&@Vk9*AQ)|`!m;%a9O4>V^rEJRn}_o7L-;}>"
    "->ozrD6_nml+KjPb(Y8F307TQQWK+992yfQbY`Wxm03cJ^H7x-SKcKb&Sm>ju1hVO5Q7?)D{S2~B0bDo@GJmDUP(0fR7m~}N+Woy*!N0%6xTuGFI"
    "=W=?hpYI4|y|sBUHws3j!sKh%YO4R#1=HkcS8>(SX9H>j%WXr77RAJ7%`~1iUE1suy?0;<t?ZDflN%;LHNpD)Jhm!E|v@<WmEy$4y=pj9&$R+DRB"
    "~`iN`9&PjNx{T@TYu04?qOnz!gWY#uLj@v~mkW7-+r)b5rg&G4EeaK&zX2SZc38J?HB3WoW6B;+sY{Y8;3?{O5+iXJ9n;W{3eDH(J2{==98hzBsH"
    "$H7=MS;A$rwJ%yMPC8>SZ`|G&tT0F<;$z+SH_t2<fqgC*XSl>`<mfIj>-qt8NmHBAY!26)#S(A0n8u9J<;#;mbjt_i-T>+ZwgACZ5b}Xrn?2`MsX"
    "_J0%@hO45l4r*$&)|d(o0A)ZE~q61T4E)^y_r!LrX=wXjK}4V*lk*F~~Xbvp--L|S;lD9>hu?)NMEE0w_c;0)vm#fneDO+)RWdV-V92=>F+A<jnm"
    "MSmmW+-a;gRxJ)HIcGv!|2Aoor|P4mBzsMwV_}dnG|o18ZUpX9{wAw7g1DE2zQ(Eq$3BR<1NB0~3eQyP+1gJQH)h>kV(S)6@Vu~U@Qv_H-MTVk^;"
    "{mY@DBc(Vts%(Lb=R4X-y}*w5=jEe;Rr}6F|;*fMgW49WDeX&flVKae;e(JB0&0nq#3j)AO+#+xt_zvZfpgJoB}pBzr7P{8k3I9KOaer{Gq=$zGt"
    "yAWyTZw8aZ?qn1$-)k-FNTEYd%ndr5cfXR8cXgwF;9a|6wIMWHysutjMK^%N3E^)wH|0?rc)>kfjf=qYw$s)yNZ{l1)r--Pv@E>@C1$2%<zl3*v0"
    "AesW(J`%XfOgSga~S~uC3F8WFF=!dT$$-%GOaUQtk4YiS&3PSIrJ7&vDsJoGOb!@lbA4Cn;=9jAvNY`TjTm$C(BvJh3Kpi0>Ls<S;-ATJ#+gk?9-"
    "_n2tskdx^$tq8fvV{p;>!66C2OUA!T0WzL8eds)6_^;snGNGfD|~LzX<?)ejNJGT9ajLk<?OJh_yEBCwrZmNYN=pHSU}y6lO=@|SfnNPi(*uQIFr"
    "j~+r-7fNX9?-q`^-%2Sa5a7>yT%JImGV2)_z-|hnVgW5?PD{nGNA~Xn->P{?qp#FFs?oRFwSUT~1HTt>&A@fhh%1*u=Sg+#`CB~p;UmX@Vl(_bnt"
    "f1_IFB{gc~b>~Y*GdP#Pubv%@(h~Tv7hXpFGtao1(_{>e$B5g$q6(`N0gQ|7Z9&BlO-tGwvik4K+IF3pSLJDNC2;5~V~N5Xv=~uCUBWq8O!bIb+9"
    "3Z$AFRU{0`T)V7!X{RD%=^trzyB9t9E=-K(q>Pin%%HB?e=%rLuw=^t!1sN6<my{2Qvqjdc$!Behe-D}fS#?brxN#T}qJ|VM(?gh9wQLz_XvvsUO"
    "*@l2JVc9*;_mdI#YGo|Do<7B8zKob7hu^R*~Mo!IhOBS9gPC~RICaNl=E8&U7qk_ELW8)i#>h{*wWr)`v^>0-Mo>~Kli6vrMI9a(06uuf)Nzj+;U"
    "pw2E0b<SR$fvhr7&w;><w?SHNXAfU7v?3YhjW`xDQEI}x`P)lAAGsd9*;Eg?~eVx}-fwwM8Wn6fNX2WaW0o;^76toP>5sYWq*d3QLwL^x+SgYNSy"
    "x6ZsyCn0gsgO^th<JtPk<B`$0k>A&beL_aR>dj}zfwo-c<P0M@(O2Q4rEUk`@V3-RZ>d{WEOki;bDgCg`!LRGse>c(*i!%NfmsMnby$Mr{`RSR0%"
    "Z`Zh72K)Ovg5%j~w=rN%zuAuR-X7F24j6C&axP+IGF-?c!ys(>%nr1!R}VR~n}(^okM+Hq>eQ55gn!xvbcGEIj`DDT=-xn;s$VRrqdW#sFte(W2j"
    "Y)%K#1ljy_o;1GhwqY$j&2j+9dSyC3C3rRUFnl}8{2AqGE4LJXpe+vB6I$a2!kNK8gLR=T2HF)&um*Gny3eQZvD|5x*G;}goqB2*fG+Tp@WNvs@="
    "AIGXFodBlIPK?F1t-9X52Rlf@NVXN9UX5R3&nAw5llyw9*5saobLJi`ziM%*oAUmio5<Id^i8k=SH52==|8mJeh~}PelMS3lbC#kyIpb4B<>X9!F"
    "x>jj@Y9Z2IxYf|=~Z!ib(W&jD&41*hVV?HJ3>IkID`&wkrxah1N=L{)aJ;N&GDuV;H%oLz`J&3p>ct0F9S7rQ)fbH_nix5#MsE$I^HBW~4?Y1NSd"
    "TzZk>{$X%&QuKd*z#K_lGemZr&MxK$gIdO4u@7D;zlMFzy;B|)u0+}uUPB90KlJRJU?Yx`DKoU|48gF*@bJCL;U_#LNWmftlUVNY!5hd|;*mh%KY"
    "D}ab4#So@!gxBQHBr9CTSrMWhbiTcU@cPr_b|m1$HYW|9Kx*Rb8xrAYS6|<I7?NoA$f@ck|iJf4AN(ekwj=T=4lzO8E9&aZhZ?ySxfNH()Vm&KN@"
    "QONztNBTr`u%!kRGxk=sa4$lxu{#;5=oBq>gJ_(<H=VJEj4YmvQv<g>G>5y;|mC~W9mVXMRCpxFHPP9%jTMd-XT!a#2Er-hBl7gbOuBu^%LFga$h"
    "6-hdghOAyM_)mx8scbB;^TSE*7av2>O@%8ijAVhS!!~|Rn-`W4YkgK%oKgm-CV(O)yQ-dUB8TV#J+@C)P`z|^JW5tvTZ0VVWO*x1Tr=?UXsQvBr`"
    "S4n+aOIA&Y;_xwp8Mf0;9WW&ZD(eX&1YGcHRVs~N<g>IF~VN;ENjT)E@-9hpr(-MG7X?$))#!)s66WHVs^)P1P~W3Na#OjFOluCHP_)3|#T(PT=="
    "CgMCNuw-I&i8g)`S%K4exD%)+5-Ay6<SYoRXPv`;^R&s1avgezuAZPk-Z5qCJG<susjOL$U<86w?Qu_xBAz4>r6;dPn6I6a-rx1;WbnyXPm-fyt<"
    "8F2dgUE<*pOZCB<54Yy90aS7I=mgmtL(fulv2LFl@c}Mj9+xj_8cLyU`esO&NAs0Mc!kX-00gM?LGUf_muL%qNv0dr9FK_dH*kKf#YR`-I7A=p(K"
    "+Hk8?yGv0D)T+L)PnB`pz4rVN{_4cP##?g4VgJ@zavNoqVQ$mBCBo7u*qZAA;kGteyQ-0i)qa)tQnz_(0!s41kEwx1B4af@ICZdpnc*DNt5w!|5Y"
    "Ap~rP_n{vA5pB?WnJiDh694su_P;VAC-zmc%z~oPJP2$2hTLyNZ<5Ukii_NG5_|c;Bf2CFyz6EuZt$uam<HsiAcv9W=2mk!kf(@$IVH}P9dUoKG#"
    "Xi{VO~L!p~AMxk?yeKE%X=&uVGyF#78AMx`><7-MmZ6g!ra_Dk79?jRb3jdj9L8^ehw+~5-~ZB8iDY)auD5gB$Ed&a7Kp|<q5PB{O}3F^J`C^vXi"
    "n>=Bb_Qy9qk2)tHCcqsYrHqV;p6>G$0ds`FF-|>%eH^rsrK#`vqZAS7P%|sDe`re&LtTCe4#IU0*{9coqh%QNj&d~~XJox!G)PDrA4mxDptSdO!L"
    "k!gJ9se$WOR}hCvXr7{9e8u0;3(ahCpgpg1sX8SOc<Q(@#56ZH9466$fVwL>igQht!|mZTN-5;?X^hc|S_b6R4ezUa#5W^AS_j*ukw%<B|3rjcSn"
    "8-Rk`Yaf2l2N)d-RtGoGx5B+mEnR?WFh1g`P>+*iiZ8IZ_k3yfO#1lbevH7urI;eq^HKrQ}Q?%Q8vxe=Lutpbs9ud@0T-fyEP`RjY1QpIO$%)Jvd"
    "2zQ*@+yaYwXA$ViE*Yxo7tMd33579VnG>SDY2q*psdoU!dFT}+PhM`pAbrn3XWe>JyBvkt_OeQOo<^I`@%dt1o82SG|a(N0o^gR*-5yLj1Ixiu4|"
    "<KXpWa|k9mQ`WM>BVEan>e1{UkWdlQS@;lP>2uHQ3@UE#)=#V)d#S?u~fv6#H3(X&_~Q--sX#Mms@&s-7pa@I$0C}IaEg*tTfSz9gcw%FVN;@xZE"
    "?YPldZc_}vce3d|53|TD@?<7|UzV;j`CvlPCV${11XC5kCkCbv99RZEPc<w9U-#qCrF?<BVK01<VFnLB3)PNA;Cq5bQes-K3xm=#;ukfqYQk+UVK"
    "Y}APK_RA>v#-?cN1aZL7?JU1l{*N&iIK-_M&7kc6DdhMWvsp=b8t90-jBNE!axCW^*hz?3jBa416}^u%5(@xn)G*#O&rtzjdB+JJ0a05Q;yt!F#E"
    "Wd*j}Jl~gxBE!7_)wAdp{9PhS7M=1pNK&k8#ftybT-P-ICy)o52Zt@S#WZd{lVdFZO&KEPI_Hb}Gh`Z4>X-?)WL}^K81*~jutOZK%Q)suHJNV$uc"
    "ia32dGmjsvpQSSgMacO0li`v|BTGd%8FykYI7_2PAO^eD3(0SGPoOEl$njm#;Y<Zj9#owGCQ~Kn5#PqE7i+)hDc*+q^CsGab6kD;C`;Ly)F?_pZR"
    ")>A7#rfT&iHy63Uj~E}orx&wB<v(s{!>Z>hy2CT}UA{nMesY$t2JUj2tL!P+lixU289HbH9P^*bbPX0ls=#Wg-h+(bgT8E@WsnU!8WtAr=qYDEH;"
    "!K)QHSeeRMc7t7UO3v#EP&^p)5I;rAEb3W=d4%i6fhn`HIW2)7^3BA%qTyeaSMfucM@o45v(}U(hv4-r2|;@-WhGbvQYn#{(Wz@GO;15rdCgi{0+"
    "(K3^N&^{CTA&D#_MIy0-^lw*u2BwYaPwmj~|8*XW#Rdl|>;4^Xmkwu<uG>SkHP*QmJ7=_Dudm{m8Je?3hPcT;v&j3JMeg$K9V54A)HB^>PJSieFf"
    "msx$7Y13g}Q(aK)fAVd3)RnOX+WcpHVcd4ekq;5?;^t?S6HkOjQU_4SpUz}63+>;VkCaj%|b#gm_vJ*hN>O%VY@D7itwo;QYu5jWK28TL!Z5FsJb"
    "^kLQYO@?UW;nY}Yme}3E}wTln@KrbNFU)*pav@PJic9gPW_+7;_N~Oz5H5`7o2+?W%(xyPUAZXD6tFC5)rbcE(obMa9XyoIwxuq_}SV$41dt_j?b"
    "9J$|9n(t)Q%*^q00I&FVoA3gW|Q&a1<qV|0oWVr*nZG{&(=jcjxJ&s_@rjNwF3#$lW5zr4psj=PHI%@kA;8xw28pC;i0i?lfeheze2`}99N@o_Y~"
    "Ma94PD*M;s3*R*SmyfH0`jv4XuJ?aM3_&O"
)


@lru_cache(maxsize=1)
def glyphs() -> dict[str, tuple[bytes, ...]]:
    """Each letter as its columns from left to right, a byte a pixel from top to bottom: coverage from 0 to 15."""
    data, at, made = zlib.decompress(base64.b85decode("".join(_ATLAS))), 0, {}
    for letter in LETTERS:
        width = data[at]
        start, at = at + 1, at + 1 + width * HEIGHT
        made[letter] = tuple(data[x : x + HEIGHT] for x in range(start, at, HEIGHT))
    return made
