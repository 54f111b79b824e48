"""Words in the names of interventions: what surrounds a drug's name, what changes its meaning, and what is no drug."""

from __future__ import annotations

import re

from trialpanorama.link._names import COMMON_WORDS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _either(text: str) -> str:
    """Alternatives of a pattern, written with " | " between them over several lines."""
    for name, alternatives in _SHARED.items():
        text = text.replace(f"{{{name}}}", alternatives)
    return "|".join(part.strip() for line in text.strip().splitlines() for part in line.strip().split(" | "))


_SHARED = {
    "THERAPY": r"(?:\w+ ){0,2}(?:care|treatments?|therap(?:y|ies)|medicines?|management|practice|regimens?|protocol|"
    r"support)",
    "ANALYSIS": r"(?:\w+ )?(?:analys[ie]s|profiling|study|studies|evaluation|detection)",
}


SALTS = _words(
    """
    aceponate acetate acetonide adipate aluminium arginine ascorbate aspartate axetil benzathine benzoate besilate
    besylate bisulfate bitartrate bromide butyrate calcium camsilate camsylate caproate carbonate chlorhydrate
    chloride cilexetil citrate clorhidrato cloridrato cypionate decanoate diacetate dichloride dihydrate
    dihydrochloride dihydrogen dimaleate dimeglumine dimesylate dinitrate diphosphate dipivoxil dipropionate disodium
    disoproxil disulfate ditartrate edisylate enanthate erbumine esilate estolate esylate etexilate ethanolate
    ethylsuccinate formate fosfato fumarate furoate gluceptate gluconate glucuronate hcl hemifumarate hemihydrate
    hemisulfate hexahydrate hyclate hydrate hydrobromide hydrochlorid hydrochloride hydrogen hydroxide
    hydroxynaphthoate iodide isethionate isetionate lactate lactobionate laurate lysine magnesium malate maleate
    medoxomil meglumine mesilate mesylate methylsulfate mofetil monohydrate mononitrate monosodium mucate napsylate
    natrium nicotinate nitrate olamine oleate orotate oxalate palmitate pamoate pentahydrate pentetate phosphat
    phosphate pivalate pivoxil polystirex potassium propionate proxetil resinate saccharate salicylate sesquihydrate
    sodium stearate succinate sulfat sulfate sulfato sulphate tannate tartrate tebutate teoclate tetrahydrate tosilate
    tosylate triacetate tribromide trifenatate trifluoroacetate trihydrate tris trisodium trometamol tromethamine
    undecanoate valerate xinafoate zinc
    """
)
"""Salts, esters and hydrates of an ingredient, behind its name."""

ELEMENTS = _words(
    """
    aluminium aluminum ammonium barium bismuth calcium chromium cobalt copper cupric disodium ferric ferrous gold
    hydrogen iron lithium magnesium manganese potassium selenium silver sodium strontium zinc
    """
)
"""Names that a salt behind them makes another substance: magnesium is not magnesium phosphate."""

CARRIERS = _words("arginine lysine ornithine choline betaine carnitine dextran chondroitin curdlan meglumine")
ACTIVE_ACIDS = _words(
    "butyrate salicylate orotate aspartate glutamate nicotinate ascorbate alfoscerate sulfate sulphate valproate"
)
"""Acids that are the drug where the base is one of CARRIERS."""

NOISE = _words(
    """
    a acting active add additional addon adjunct adjunctive adjusted adjuvant administer administered administration
    administrations adult adults aerosol aerosolized agent agents all allogeneic allogenic alone alternate am amp
    ampoule ampoules an any
    approved arm arms atomised atomization atomized atomizing auc auto-injector autoclaved autoinjector autologous
    available b based bd bedtime bid biosimilar biw blind blinded bolus boost booster both bottle bottles brand
    branded buccal
    bulb c cap caplet caps capsuale capsulas capsule capsules cc chewable child children ci cm2 co coated cohort
    cohorts combination combined combo commercially company comparator comprimes comprimido comprimidos concentrate
    concomitant consolidation continuous control controlled controls conventional course cpr cr cream cycle d daily
    das day days de delayed dependent depot der die dispersible distilled dl does dosage dosages dose dosed doses
    dosing double dpi drip drop drops drug drugs e each ec effervescent eight either el elixir emulsion encapsulated
    enema enteral enteric epidural er escalating et evening every experimental extended fasted fasting fct fed
    female film first five fixed flacon flacone flacons flexible foam form forms formula formulation formulations
    four fourth frasco full g gargle gas gastro gastro-resistant gbq gel generic gingival given giving gm gr gram
    grams granula granulas granule granules group groups gum gy h half healthy high higher hour hourly hours hs
    human humanized i ii iii im immediate implant inc increasing induction infusion infusione infusions inhalation
    inhalational inhale inhaled inhaler initial inj injectable injecting injection injections intermediate
    intermittent intervention interventional interventions intraarticular intracameral intracavernosal
    intracavernous intracoronary intracorporeal intradermal intralesional intramuscular intramuscularly intranasal
    intraoperative intraperitoneal intrathecal intratumoral intrauterine intravenous intravenously intravesical
    intravitreal investigational ir iu iv kg l la label las le licensed liposomal liposome liquid loading locally
    long los lotion low lower lozenge lozenges ltd lyophilized m m2 mad maintenance maintenancetherapy male masked
    max maximal maximum mbq mcg mci mdi measures medication medications medicinal medicine medium men meq metered mg
    mgday mgs microgram micrograms micronized middle milligram milligrams milliliter min minimum minutes miu mixture
    ml mmol modified monotherapy month monthly months morning mouthwash mr multiple n nasal natural nebulised
    nebulization nebulized nebulizer neoadjuvant new night nightly no nostril nostrils not o od of ointment once one
    only open ophthalmic optimal oral orally ordinary original orodispersible other others p parenteral part participant
    participants patch patches patient patients pegylated pellet pellets pen per percent peribulbar perineural
    period periodontal perioperative pharma pharmaceutical pharmaceuticals phase pill pills plus pm po polvo
    postoperative powder ppm prefilled premedication preoperative preparation pretreatment prevent prevention
    preventive prn product products prolonged prophylactic prophylaxis puff puffs pure purified q q2w q3w q4w qd
    qday qhs qid qod qw r range ranging receive received receives receiving recombinant rectal reference regimen
    regular release repeat repeated replacement resistant rinse s sachet sachets sad sc schedule schedules second
    sequence seven short sid simulated simulation single six softgel solucion solución solution solutions soluzione
    spray sprays sr stage standard start starting sterile studies study subconjunctival subcutaneous subcutaneously
    subcutaneus subject subjects sublingual sublingually supplement supplementation supplements suppositories
    suppository suspension sustained synthetic syringe syrup systemic t tab tables tablet tabletas tablets tablette
    tabletten tabs taking tds ten term test tested the therapeutic therapies therapy third three thrice tid time
    times titrated titration tm topical topically transdermal treat treated treatment treatments trial triple twice
    two u ug ui unblinded und unit units use used using v vaginal various versus vial vials volume volunteer
    volunteers vs week weekly weeks weight women x xl xr y year years
    """
)
"""Words around a drug's name that do not change which drug it is."""

GENERIC = NOISE | _words(
    """
    2019 activated agains against analyses analysis composition repertoire
    allogeneic allogenic association attenuated autologous biological biologicals
    candidate collection conjugated coronavirus cov covid covid19 cryopreserved cycles delivered dependence design
    dietary disease disorder disorders endocrine expanded exposure followed food health hiv hospital immune
    inactivated infected infection influenza intake integrated killed later levels live longitudinally management
    measures monovalent multivalent ncov phase pneumonia polyvalent pressurized procedure products protocol
    protocols related sars sedation serum shot sleep subsequent systemic transfusion virion virus whole
    """
)
"""Words that name no drug by themselves, though names of drugs have them."""

FUNCTION_WORDS = _words(
    """
    about according after against also among are as at be because been before being between by can during for from had
    has have her his if in into is it its less may more of on our over should such than that their then these they
    this those through to under until up via was we were when where which while who will within without would
    """
)
"""Words that no name of a drug has: prose begins or goes on with them."""

ORDINARY_WORDS = _words(
    """
    active added addition blood body breakfast case cases china cholesterol city company consume consumed consumes
    contained containing contains covid daily decoction different diluted dinner dissolved doctor doses each every
    extract first following follows food health herbal hospital ingredient ingredients injected iran kit level
    levels low-density lunch made meal meals mild ministry minutes mixed moderate national next oxygen pharmacy
    prepared prescribed pressure produced protocol received resembled respiratory routine same second severe similar
    supplemented suspension takes temperature this took total university until vial vials volume ward water weight
    """
)
"""Words about how something is given, which are no name of a drug although a dose stands beside them."""

WEAK_NAMES = COMMON_WORDS | _words(
    """
    abalone acetate acetone acetylcholine acids adenosine adrenaline alanine albumin alcohol alcohols aldosterone
    alfalfa algae almond alpha amino ammonia amphetamine amphetamines anchovy androgen androgens angiotensin
    angiotensinogen ant antibodies antibody antigen antigens apple apricot arginine argon asparagine asparagus
    aspartate aspergillus atp avocado bacteria balance banana barley basil bean beef beet beta bile bilirubin
    biomarkers bovine bradykinin bran brassica broccoli butter butyrate cabbage caffeine calcitonin calcium cannabis
    canola capsules capture carbon carbonate carp carrier carriers carrot cascade casein cashew cattle cells cellulose
    chicken chloride chlorine chocolate cholesterol
    choline chromium citrate clam clay clove coal cocaine cocoa coconut cod
    coffee collagen copper cortisol cotton crab cream creatine creatinine cucumber cystatin cysteine cytokine
    cytokines deer deuterium dimension dna dog donor dopamine dosage drug drugs dust ecstasy eggplant elastin emulsion
    endothelin enzyme enzymes erythropoietin esters estradiol estrogen estrogens estrone ethanol ether fatty feather
    ferritin fibrin fibrinogen fibronectin flax flounder folate fructose gaba galactose garlic gelatin gels ghrelin
    ginger glucagon glucose glutamate glutamic glutamine glutathione glycated glycerol glycine goat grape grass guinea
    haddock haemoglobin halibut ham hazelnut heart helium heme hemoglobin heroin herring histamine histidine
    homocysteine honey hormone hormones horse human hydrocarbons hydrogen hydroxide immune immunoglobulin
    immunoglobulins insulin interferon interferons interleukin inulin iodine kelp keratin ketone ketones kidney
    lactate lactose lamb laminin leptin lettuce leucine ligand ligands lime lipid lipids liver lobster lung lutein
    lysine mackerel magnesium maize maltose mango marijuana marrow matrix medicine melon mercury metabolites
    methamphetamine methane methanol methionine micronutrients milk mineral minerals mold monitor mouse mugwort
    mushroom mustard myelin nettle neuro nickel nicotine nitrate nitrates nitrite nitrogen nmda noradrenaline
    norepinephrine nucleic nucleotide nutmeg oak octopus olive onion opiates opium orange oregano ornithine ox oxygen
    oxytocin oyster ozone papaya paprika paraffin parsley particulate pea peach peanut pear pecan pepper peptide
    peptides perch petrolatum petroleum pharmaceutical phenol phenylalanine phosphate phosphorus pig pine pineapple
    pistachio plasma plasmin plasminogen platinum plum pollen pollutants polymer polymers pork potassium potato
    powders preparations progesterone proinsulin prolactin proline propionate protein proteins prothrombin pumpkin
    purine rabbit radish ragweed renin resin retinol rna rose rosemary rye safflower sage salmon sardine scallop
    selenium sera serine serotonin serum sesame sheep shrimp silicon silk silver smoke sodium solution solutions
    solvent soy soybean spinach spleen squash squid starch steroid steroids strawberry sucrose sugar sulfate sulfur
    sulphate sunflower suspension tablets talc testosterone threonine thrombin thyme thymidylate thymus thyroglobulin
    tin tissue tobacco tomato toxin toxins troponin trout trypsin tryptophan tuna turkey tyrosinase tyrosine urea uric
    vaccine vaccines valine vanilla vasopressin vinegar vitamin vitamins vitronectin walnut wasp watermelon wax wheat
    whey wool xenon yeast yogurt zinc
    """
)
"""Names of substances that are eaten, measured or made by the body as well, or words of another meaning: these
are drugs only where the words around them say so."""

WEAK_PHRASES = frozenset(
    {
        "hepatitis b surface antigen",
        "hepatitis b antigen",
        "hepatitis b virus surface antigen",
        "surface antigen",
        "prostate specific antigen",
        "carcinoembryonic antigen",
        "growth hormone",
        "human growth hormone",
        "c reactive protein",
        "antithrombin iii",
        "factor viii",
        "factor ix",
        "parathyroid hormone",
        "uric acid",
        "lactic acid",
        "drinking water",
        "amino acids",
        "folic acid deficiency",
        "vitamin d deficiency",
        "cell wall",
        "thyroid hormone",
        "bile acid",
        "bile acids",
        "amino acid",
        "fatty acid",
        "carbon dioxide",
        "carbon monoxide",
        "nitric oxide synthase",
        "human chorionic gonadotropin",
        "luteinizing hormone",
        "follicle stimulating hormone",
        "tumor necrosis factor",
    }
)
"""Names of several words that are measured at least as often as given."""

_NEVER_WORDS = _words(
    """
    mg mcg ug ml dl kg iu ui cc mmol meq mol ppm bid tid qid qd od po iv im sc
    suspension emulsion aerosol ointment ointments cream mesylates mesylate succinates
    acids aerosols agents antigens biomarkers capsules carbohydrates cells chemicals dna dosage drug drugs emulsions
    excipients forms gels ligands pharmaceutical placebo placebos plasma powders preparations proteins rna
    serum solution solutions suspensions tablets vehicles water-soluble
    """
)
NEVER_NAMES = _NEVER_WORDS | {
    "investigational drug",
    "investigational drugs",
    "generic drug",
    "generic drugs",
    "prescription drug",
    "nonprescription drug",
    "biological product",
    "drug combination",
    "nasal spray",
    "nasal sprays",
    "oral sprays",
    "biological factors",
    "biological products",
    "biological specimen",
    "blood proteins",
    "body water",
    "complex mixtures",
    "control groups",
    "delayed action preparations",
    "dosage forms",
    "drug carriers",
    "drug combinations",
    "drugs generic",
    "drugs investigational",
    "essential drugs",
    "fatty acids",
    "macromolecular substances",
    "nonprescription drugs",
    "pharmaceutic aids",
    "pharmaceutical preparations",
    "pharmaceutical solutions",
    "prescription drugs",
    "street drugs",
}
"""Headings that name no drug: forms, groups of everything."""

CHANGES = _either(
    r"""
    vaccin(?:e|es|ation|ations|ed) | antibod(?:y|ies) | antagonists? | inhibitors? | agonists? | blockers?
    blocking | blockade | analogs? | analogues? | receptors? | genes? | dna | m?rna | sirna | plasmids? | vectors?
    antisense | oligonucleotides? | oligodeoxynucleotides? | peptides? | polypeptides? | proteins? | epitopes?
    antigens? | cells? | lymphocytes? | t-cells? | plasma | serum | sera | globulins? | immunoglobulins?
    antitoxins? | antivenoms? | antivenins? | immunotoxins? | toxins? | toxoids? | transplantation | transplants?
    pumps? | tests? | testing | assays? | levels? | concentrations? | measurements? | monitoring | monitors?
    samples? | sampling | clamps? | stents? | deficiency | deprivation | derivatives? | precursors? | prodrugs?
    transporters? | channels? | synthase | kinases? | reductase | dehydrogenase | oxidase | esterase | peptidase
    transferase | polymerase | reuptake | sensiti[sz]ers? | withdrawal | discontinuation | exosomes? | matrix
    scaffolds? | binding | secretion | tolerance | resistance | (?<!gastro-)(?<!gastro )resistant | sensitivity
    sensitive | refractory | naive | allerg(?:y|ic) | intolerance | hypersensitivity | abuse | dependence
    addiction | overdose | poisoning | toxicity | users? | abusers? | metabolism | metabolites? | clearance
    excretion | uptake | ratio | index | saturation | mask | cannula | chamber | concentrators? | enzymes?
    hydrolysate | monitored | generators? | nanobod(?:y|ies) | inactivated | aptamers? | mimetics?
    """
)
"""Nouns behind a name that make it something else: the receptor, the vaccine, the level of what is named."""

STEMS = _either(
    r"""
    vir | mab | mabs | nib | ciclib | mycin | micin | mycine | micine | cillin | cilline | cilina | floxacin
    floxacino | quine | quin | quina | azole? | azol | statin | statine | statina | pril | sartan | olol | dipine
    dipin | parin | parine | parina | prazole? | cycline? | ciclina | sone | sona | solone | solona | olone | afil
    oxetine | lukast | tidine | xaban | gatran | gliptin | gliflozin | glutide | tide | mectin | mectina | zide
    caine | cain | azepam | zolam | barbital | platin | rubicin | taxel | tecan | trexed | citabine | fungin | cept
    kinra | stim | profen | fenac | coxib | triptan | setron | pitant | trexate | thromycin | nidazole? | oxacin
    avir | buvir | asvir | previr | zumab | lizumab | limumab | tinib | imus | imod | fenib | metinib | parib
    zomib | lisib | rafenib | degib | vaptan | dralazine | thiazide | semide | dronate | terol | tropium | cromil
    butamol | phylline | gestrel | estradiol | relin | relix | azine | idine
    actide | mestat | mostat | bromhexine | oxine
    """
)
"""Endings that nonproprietary names of a group share (WHO's list of stems), in English, Latin, Spanish and French."""

LIKE = _either(
    r"""
    matching | matched | match | version | identical | corresponding | equivalent | similar | like | lookalike | oral
    tablets? | capsules? | pills? | caps | tabs? | iv | intravenous | subcutaneous | sc | injections? | infusions?
    solution | inhaled | inhaler | nasal | spray | cream | gel | patch | drops | powder | granules | suspension
    \d+(?:[.,]\d+)?(?:\s*(?:mg|mcg|µg|g|ml|%))? | mg | in | appearance | dose | doses | low | high | drug | active
    comparator | each | once | twice | daily | bid | qd | tid | weekly | film | coated | arm | group
    """
)
"""Words between a placebo and the drug that it imitates."""

FORMS = _either(
    r"""
    tablets? | capsules? | pills? | injections? | granul(?:es?|as?) | syrup | decoctions? | vati | churna | kwath
    oral liquid | drops | lozenges? | infusion | spray | suspension | ointment | extract | sachets?
    """
)
"""Forms in which a drug is given."""

GLUED = _either(
    r"""
    like | induced | derived | dependent | resistant | free | sparing | naive | refractory | specific | associated
    related | eluting | treated | pretreated | experienced | releasing | binding | sensitive | secreting | producing
    containing | positive | negative | lowering | stimulating | activated | stimulated | expressing | intolerant
    allergic | failure | loaded | coated | impregnated | saturat\w+ | enriched | deficien\w+ | regulat\w+
    """
)
"""What stands behind a hyphen and makes a name something else: insulin-like, drug-eluting."""

OTHER_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE))
    for kind, words in (
        (
            "other",
            _either(
                r"""
                standards? (?:of )?(?:care|treatments?|therap(?:y|ies)|managements?|medical (?:care|treatment|therapy))
                standard(?:-|\s)of(?:-|\s)care | o?soc | bsc | bat | standard practice | thromboprophylaxis
                (?:usual|routine|con?ventional|supportive|basic|regular|normal|current|traditional) {THERAPY}
                (?:bridg(?:e|ing)|continuation|continued|first-line|second-line|salvage|rescue|individualized) {THERAPY}
                (?:physician'?s?|doctor'?s?|investigator'?s?|treating physician'?s?)'? choice
                (?:base|recognized|pharmacological|approved|specific) {THERAPY}
                ^\s*(?:treatment|management|relief|prevention|prophylaxis) (?:of|for) .* | pain relief .*
                ^\s*(?:any|all|other) (?:other )?(?:drugs?|medications?|treatments?|therap(?:y|ies))\b.*
                ttreatment | support (?:treatment|therapy|care) | no immunosuppressi(?:on|ve) | mouth ?care
                (?:symptomatic|local|intensive|common|background|general|optimal|best available|best) {THERAPY}
                (?:recommended|standardi[sz]ed|comprehensive|national|western|clinical|medical) {THERAPY}
                (?:comparative|existing|other|any|ordinary|antiviral|systemic) {THERAPY}
                usual (?:care|practice)
                no (?:\w+ )?(?:interventions?|treatments?|therapy|drugs?|medication|prophylaxis)
                non-?intervention(?:al)? | nothing | none | not applicable | n/?a | observation(?:al)?
                watchful waiting | control(?: group)? | wait(?:ing)?[- ]list | best practice | guidelines?
                untreated | blank control | natural history | delayed treatment | deferred treatment
                treatment as usual | tau | clinical observation | follow[- ]?up | registry | no drug
                usual standard | comfort care | palliative care | intensive care | diagnosis and treatment
                """
            ),
        ),
        (
            "diagnostic",
            _either(
                r"""
                pcr | rt-?pcr | polymerase chain reaction | (?:\w+ )?(?:tests?|testing|assays?|screening)
                blood (?:draw|draws|collection|sampl\w+|tests?|exams?) | sampl(?:e|es|ing) | specimens?
                biospecimens? | blood (?:punctures?|punctions?|withdrawals?) | venipuncture
                venepuncture | phlebotomy | urine (?:collection|samples?) | stool samples?
                questionnaires? | surveys? | interviews? | imaging | mri | ct scans? | ultrasound
                ultrasonography | x-?rays? | tomography | radiograph\w* | scans? | scintigraphy | monitoring
                sequencing | genotyping | immunoassay | elisa | flow cytometry | histolog\w+ | cytolog\w+
                immunohistochemistry
                (?:gene|mutation|laboratory|biomarker|molecular|proteomic|genetic|expression|microarray) {ANALYSIS}
                (?:microsatellite|dna|rna|protein|statistical|data|retrospective|cytogenetic) {ANALYSIS}
                (?:pharmacological|pharmacokinetic) {ANALYSIS}
                detection | assessments? | measurements? | examinations? | swabs? | spirometry | electrocardiogra\w+
                ecg | eeg | echocardiogra\w+ | endoscopy | colonoscopy | biops(?:y|ies) | diagnos\w+ | blot\w*
                spectrometry | electrophoresis | chart review | data collection | quality[- ]of[- ]life
                questionaires? | biobank | (?:tube )?collection | exams? | biocollection | phenotyping | rna-?seq
                (?:genome|genomic|translocation|repertoire|error|polymorphism|case-control) {ANALYSIS}
                (?:whole genome|translocation|error|polymorphism|case-control) analys[ie]s
                hybridi[sz]ation | gene mapping | repertoire | reporting of .*
                """
            ),
        ),
        (
            "procedure",
            _either(
                r"""
                surg(?:ery|ical|eries) | \w*ectom(?:y|ies) | \w*ostom(?:y|ies) | \w*plast(?:y|ies) | resections?
                (?:\w+ )*transplant(?:ation|s)? | dialysis | hemodialysis | haemodialysis | ventilation | intubation
                plasma exchange | plasmapheresis | \w*pheresis | ecmo | hemoperfusion | hemofiltration
                haemofiltration | perfusion | embolization | embolisation | ablation | cryo\w+ | acupuncture
                electroacupuncture | moxibustion | massage | physiotherapy | physical therapy | oxygen therapy
                oxygenation | hyperbaric oxygen(?:ation)?(?: therapy| treatment)? | hyperthermia | hypothermia
                phototherapy | photodynamic therapy | prone position\w* | positioning | anesthesia | anaesthesia
                nerve block | block | drainage | catheterization | angioplasty | bypass | revascularization
                endarterectomy | pci | bronchoscopy | lavage | suction | rehabilitation | isolation | quarantine
                chemotherapy | radiochemotherapy | chemoradiotherapy | chemoradiation | immunotherapy
                polychemotherapy | biological therapy | gene therapy | hormone therapy | antiretroviral therapy
                haart | art | electroconvulsive therapy | transfusions? | cupping
                auricular | (?:auto-?)?hemotherapy | exposure | implantation | tens
                electrical stimulation | stimulation | hospitali[sz]ation | adjuvant therapy | neoadjuvant therapy
                """
            ),
        ),
        (
            "radiation",
            _either(
                r"""
                radiotherapy | radiation(?: therapy)? | irradiation | brachytherapy | radiosurgery | imrt | tbi
                proton therapy | x-?ray therapy
                """
            ),
        ),
        (
            "device",
            _either(
                r"""
                devices? | masks? | respirators? | catheters? | stents? | pumps? | apps? | software | smartphone
                helmet | cannula | high[- ]flow | cpap | face shields? | prosthes[ie]s | lens(?:es)? | monitors?
                sensors? | pacemakers? | telemedicine | telehealth | ventilators? | generators? | nebuli[sz]er
                machine | laser | ppe | n95 | equipment | robot\w* | tape | dressing | bandage
                """
            ),
        ),
        (
            "behavioural",
            _either(
                r"""
                exercises? | training | counsel(?:l)?ing | education(?:al)? | yoga | tai ?chi | qi ?gong | baduanjin
                meditation | mindfulness | psychotherapy | psychological | cognitive | behaviou?r(?:al)? | coaching
                motivational | life-?style | mind-?body | digital therapeutics? | hypnosis | biofeedback
                neurofeedback | virtual reality | video ?games?
                walking | relaxation | music | hand washing | handwashing
                social distancing | breathing | program(?:me)? | self-?management | messages? | communication
                information
                """
            ),
        ),
        (
            "dietary",
            _either(
                r"""
                diets? | dietary | meals? | nutrition(?:al)? | feeding | food | breakfast | honey | juice | milk
                breastfeeding | fasting | beverage
                """
            ),
        ),
    )
)
"""What a stretch without a drug's name is, by its words, in the order in which they are tried."""

VACCINES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"(?<![a-z])(?:{words})(?![a-z])", re.IGNORECASE), name)
    for words, name in (
        (r"influenza(?! ?e)|flu|h\d{1,2}n\d{1,2}", "influenza vaccine"),
        (r"hiv(?:-?[12])?|aids|r?gp-?1[26]0", "AIDS vaccine"),
        ("rabies", "rabies vaccine"),
        (r"mening\w*|men-?(?:c|b|acwy)", "meningococcal vaccine"),
        (r"pneumococc\w+|streptococcus pneumoniae|s\. pneumoniae", "pneumococcal vaccine"),
        ("rotavirus", "rotavirus vaccine"),
        (r"(?:human )?papillomavirus|hpv(?:-?\d+)?", "papillomavirus vaccine"),
        ("japanese encephalitis", "JE vaccine"),
        ("measles", "measles vaccine"),
        ("mumps", "mumps vaccine"),
        ("rubella", "rubella vaccine"),
        ("varicella|chicken ?pox", "varicella vaccine"),
        ("zoster|shingles", "herpes zoster vaccine"),
        ("hepatitis[- ]b|hbv|hbsag", "hepatitis B vaccine"),
        ("hepatitis[- ]a", "hepatitis A vaccine"),
        (r"malaria\w*|falciparum|vivax", "malaria vaccine"),
        ("dengue", "dengue vaccine"),
        ("ebola", "Ebola vaccine"),
        ("cholera|vibrio cholerae", "cholera vaccine"),
        ("typhoid|typhi", "typhoid vaccine"),
        (r"tubercul\w+", "tuberculosis vaccine"),
        ("yellow fever", "yellow fever vaccine"),
        ("anthrax", "anthrax vaccine"),
        ("small ?pox|monkeypox|mpox", "smallpox vaccine"),
        ("plague|yersinia pestis", "plague vaccine"),
        (r"shigell\w+", "Shigella vaccine"),
        ("rsv|respiratory syncytial virus", "RSV vaccine"),
        ("cytomegalovirus|cmv", "CMV vaccine"),
        ("herpes simplex|genital herpes|hsv(?:-?[12])?", "HSV vaccine"),
        ("h(?:ae|e)mophilus|hib", "Hib vaccine"),
        (r"staphylococc\w+|s\. aureus", "Staphylococcus aureus vaccine"),
        ("lyme", "Lyme disease vaccine"),
        (r"leishman\w+", "leishmaniasis vaccine"),
        ("west nile(?: virus)?", "West Nile virus vaccine"),
        (r"gbs|group b strep(?:tococc\w+)?", "GBS vaccine"),
        (r"escherichia coli|e\. coli|etec", "ETEC vaccine"),
        ("alzheimer(?:'s)?|amyloid(?:[- ]beta)?|abeta", "Alzheimer vaccine"),
    )
)
"""What a vaccine is against, and a name of that vaccine which a vocabulary has."""

LABELS = (
    GENERIC
    | FUNCTION_WORDS
    | _words(
        """
    analgesia anesthesia antiviral application applied basic blank case cases comparison conventional current
    dosing duration experiment frequency ground hospital intensive intravenous invasive ministry mixed moderate
    national nil none normal not number observation pharmaceutical preventive protocol quantity regime regimens
    regular routine severe specific standardized support supportive taken traditional usual wait waiting western
    """
    )
)
"""Words that may be all that the name of an arm or a dosage is made of."""

WITHOUT_DRUG: tuple[tuple[str, frozenset[str]], ...] = (
    (
        "population",
        _words(
            """
            adults asymptomatic cases children confirmed controls employees families hcw individuals infants inpatient
            inpatients nurses
            outpatients participant participants patient patients people person personnels persons physicians pregnant
            professionals relatives schools staff students survivors volunteers women worker workers
            """
        ),
    ),
    (
        "behavioural",
        _words(
            """
            activities activity calls cbt cbt-i consultation consultations dance day-care digital duanjin email e-mail
            gong guidance humanistic hygiene internet life-style lifestyle media mobile narrative nursing online phone
            practice prevention psychosocial sessions telecare telehealth telephone telemonitoring video videos
            wearing web website
            """
        ),
    ),
    (
        "diagnostic",
        _words(
            """
            biomarkers ct genomic genomics igg igm incidence manifestations marker markers measured metabolomic
            metabolomics microrna micrornas nucleic observe observed pocus prevalence proteomic proteomics
            radiological reagent reagents recorded scale scales score scores seroprevalence serological serology
            spectrometer temperature
            """
        ),
    ),
    (
        "procedure",
        _words(
            """
            adsorber adsorbers adsorption cannulae cannulation concentrator concentrators crrt cytosorb embryo embryos
            epidural extracorporeal hbo hfnc ift membrane membranes needle needles pacing position positions
            purification
            """
        ),
    ),
    (
        "other",
        _words(
            """
            arm arms artificial cohort cohorts data database databases design feasibility group groups guideline
            guidelines impact intervention interventions manual manuals model models outcome outcomes pilot prediction
            prospective protocol protocols randomisation randomised randomization randomized record records registry
            retrospective routine routinely series standard standards studies study trial warning
            """
        ),
    ),
)
"""What an entry is that neither has a type nor names a drug, by its words, in the order in which they are tried."""
