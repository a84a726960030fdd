"""The skills that a market begins with: slug, name, category, other names. Staff change them from there."""

from __future__ import annotations

from typing import Final

from souk.modules.profiles.skills import NewSkillOfCatalogue

_LINES: Final = """
development | python | Python | py, python3
development | javascript | JavaScript | js, ecmascript
development | typescript | TypeScript | ts
development | react | React | react.js, reactjs
development | vue | Vue | vue.js, vuejs
development | angular | Angular | angularjs
development | nodejs | Node.js | node, node js
development | django | Django |
development | php | PHP |
development | wordpress | WordPress | wp
development | java | Java |
development | csharp | C# | c sharp, dotnet, .net
development | cpp | C++ | c plus plus
development | golang | Go | go lang
development | rust | Rust |
development | sql | SQL | postgresql, postgres, mysql, databases
development | ios-development | iOS development | swift, iphone apps
development | android-development | Android development | kotlin, android apps
development | flutter | Flutter | dart
development | devops | DevOps | ci/cd, site reliability
development | kubernetes | Kubernetes | k8s, docker, containers
development | cloud-computing | Cloud computing | aws, azure, gcp
development | software-testing | Software testing | qa, quality assurance, test automation
development | web-development | Web development | websites, html, css
data | data-analysis | Data analysis | data analytics, analyst
data | data-science | Data science | statistics
data | machine-learning | Machine learning | ml, deep learning, ai
data | spreadsheets | Spreadsheets | excel, google sheets
design | graphic-design | Graphic design | visual design; fr: graphisme; ar: تصميم جرافيك
design | logo-design | Logo design | logos
design | figma | Figma |
design | ui-design | UI design | user interface design, ui
design | ux-design | UX design | user experience, ux, usability
design | illustration | Illustration | drawing; fr: dessin
design | photoshop | Photoshop | adobe photoshop, retouching
design | 3d-modelling | 3D modelling | blender, 3d modeling
design | brand-identity | Brand identity | branding
design | interior-design | Interior design | ; fr: décoration intérieure
video | video-editing | Video editing | premiere, final cut, film editing; fr: montage vidéo; ar: تحرير الفيديو
video | motion-graphics | Motion graphics | after effects, motion design
video | animation | Animation | 2d animation
video | photography | Photography | photographer; fr: photographie; ar: تصوير
video | voice-over | Voice-over | voice acting, narration
video | podcast-production | Podcast production | audio editing
marketing | social-media | Social media management | social media, community management
marketing | seo | SEO | search engine optimisation, search engine optimization
marketing | online-advertising | Online advertising | google ads, facebook ads, ppc
marketing | email-marketing | E-mail marketing | newsletters
marketing | copywriting | Copywriting | advertising copy
marketing | content-writing | Content writing | blog writing, articles
business | virtual-assistance | Virtual assistance | virtual assistant, administrative support
business | data-entry | Data entry | typing
business | bookkeeping | Bookkeeping | accounting; fr: comptabilité
business | project-management | Project management | scrum, agile, product owner
business | customer-support | Customer support | customer service, help desk
business | translation | Translation | translator; fr: traduction; ar: ترجمة
business | proofreading | Proofreading | copy editing
business | legal-advice | Legal advice | contracts law, lawyer
home | carpentry | Carpentry | joinery, woodwork; fr: menuiserie
home | plumbing | Plumbing | plumber; fr: plomberie; ar: سباكة
home | electrical-work | Electrical work | electrician; fr: électricité
home | painting | Painting and decorating | painter, wallpaper
home | cleaning | Cleaning | housekeeping; fr: ménage
home | gardening | Gardening | lawn mowing, landscaping; fr: jardinage
home | moving | Moving and lifting | removals, furniture moving; fr: déménagement
home | furniture-assembly | Furniture assembly | flat pack
home | appliance-repair | Appliance repair | washing machine repair
care | childcare | Childcare | babysitting; fr: garde d'enfants
care | pet-care | Pet care | dog walking, pet sitting
care | elderly-care | Elderly care | companionship
care | tutoring | Tutoring | private lessons, teaching; fr: cours particuliers
care | cooking | Cooking | chef, meal preparation; fr: cuisine
beauty | haircut | Haircut | hairdressing, hair cutting, barber; fr: coupe de cheveux; ar: قص الشعر
beauty | beard-trim | Beard trim | beard, beard grooming; fr: taille de barbe; ar: حلاقة الذقن
beauty | shaving | Shaving | hot towel shave, straight razor; fr: rasage
beauty | hair-colouring | Hair colouring | hair dye, hair coloring; fr: coloration
beauty | makeup | Make-up | make up artist; fr: maquillage
beauty | massage | Massage | ; ar: تدليك
errands | delivery | Delivery | courier, shopping errands; fr: livraison
errands | driving | Driving | driver, chauffeur
technology | linux-administration | Linux administration | sysadmin, system administration
technology | networking | Networking | network engineering, routers
technology | computer-repair | Computer repair | it support, pc repair
"""


def skill_of(line: str) -> NewSkillOfCatalogue:
    """A skill as a line above writes it: `category | slug | name | synonym, synonym; language: name`."""
    category, slug, name, other = (part.strip() for part in line.split("|"))
    synonyms, *translated = other.split(";")
    names = dict(each.strip().split(": ", 1) for each in translated)
    words = tuple(word.strip() for word in synonyms.split(",") if word.strip())
    return NewSkillOfCatalogue(slug, name, category, synonyms=words, names=names)


CATALOGUE: Final = tuple(skill_of(line) for line in _LINES.strip().splitlines())
